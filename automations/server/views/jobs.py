"""Deployments and work pools."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from automations.model.job import Deployment, WorkPool


class DeploymentView(BaseModel):
    """A deployment. `job_variables` are as its file writes them; `location` is the place there."""

    name: str
    flow: str
    entrypoint: str
    work_pool: str
    description: str
    tags: list[str]
    version: str | None
    parameters: dict[str, Any]
    job_variables: dict[str, Any]
    job_variable_policy: dict[str, dict[str, Any]]
    paused: bool
    location: str | None

    @classmethod
    def of(cls, deployment: Deployment) -> DeploymentView:
        """Show a deployment."""
        return cls(
            name=deployment.name,
            flow=deployment.flow,
            entrypoint=deployment.entrypoint,
            work_pool=deployment.work_pool,
            description=deployment.description,
            tags=list(deployment.tags),
            version=deployment.version,
            parameters=deployment.parameters,
            job_variables=dict(deployment.job_variables.values),
            job_variable_policy=dict(deployment.job_variable_policy),
            paused=deployment.paused,
            location=str(deployment.location) if deployment.location else None,
        )


class WorkPoolView(BaseModel):
    """A work pool. `variables` is the JSON Schema of its job variables, with their defaults."""

    name: str
    type: str
    description: str
    concurrency_limit: int | None
    on_unknown: str
    allow_extra: bool
    variables: dict[str, Any]
    paused: bool
    location: str | None

    @classmethod
    def of(cls, pool: WorkPool) -> WorkPoolView:
        """Show a work pool."""
        return cls(
            name=pool.name,
            type=pool.type,
            description=pool.description,
            concurrency_limit=pool.concurrency_limit,
            on_unknown=pool.on_unknown,
            allow_extra=pool.allow_extra,
            variables=dict(pool.variables),
            paused=pool.paused,
            location=str(pool.location) if pool.location else None,
        )

"""Deployments and work pools."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from automations.model.job import Deployment, WorkPool
from automations.ports import DeployOutcome


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
    pull: list[dict[str, Any]]
    paused: bool
    origin: str
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
            pull=[_without_secrets(step) for step in deployment.pull],
            paused=deployment.paused,
            origin=deployment.origin,
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
    job_configuration: dict[str, Any]
    paused: bool
    origin: str
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
            job_configuration=dict(pool.job_configuration),
            paused=pool.paused,
            origin=pool.origin,
            location=str(pool.location) if pool.location else None,
        )


class DeployedView(BaseModel):
    """What a deploy did. `changed`: the keys that are other than before, dotted."""

    name: str
    created: bool
    changed: list[str]
    warnings: list[str]

    @classmethod
    def of(cls, outcome: DeployOutcome) -> DeployedView:
        """Show an outcome."""
        return cls(
            name=outcome.name,
            created=outcome.created,
            changed=list(outcome.changed),
            warnings=list(outcome.warnings),
        )


def _without_secrets(step: dict[str, Any]) -> dict[str, Any]:
    token = step.get("access_token")
    return {**step, "access_token": "***"} if isinstance(token, str) else step

"""The process sink: `run-deployment` as a run of the process pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automations.errors import ConflictError, NotFoundError, PrepareError
from automations.jobs import build_run
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, RunSpec, WorkPool
from automations.ports import Clock, Delivery, Done, Jobs

_JOB_VARIABLES: Final = "/job_variables"


class ProcessSink:
    """Implements `ports.Sink`. To deliver a run is to store it, under the action's id, so that it is made once."""

    action_types = frozenset({"run-deployment"})
    local = True

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs, self._clock = jobs, clock

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Find the deployment, merge, validate, apply the policy; the run as a JSON object.

        Raises PrepareError `not-found`, `ambiguous` or `refused`, and JobVariableErrors.
        """
        return self.check(request).to_dict()

    def check(self, request: ActionRequest) -> RunSpec:
        """Do all of `prepare` that needs no waiting."""
        deployment, pool = self._target(_deployment_name(request.body))
        after: int = request.body.get("schedule_after", 0)
        return build_run(
            pool,
            deployment,
            _run_layer(request),
            id=request.id,
            parameters=request.body.get("parameters", {}),
            created_by=f"automation {request.automation}",
            automation=request.automation,
            firing=request.firing,
            follows=request.cause,
            hops=request.hops,
            tags=request.body.get("tags", ()),
            scheduled_for=self._clock.now() + after if after else None,
        )

    def _target(self, name: str) -> tuple[Deployment, WorkPool]:
        try:
            deployment = self._jobs.deployment(name)
            pool = self._jobs.work_pool(deployment.work_pool)
        except (NotFoundError, ConflictError) as error:
            raise PrepareError(error.message, code=error.code, hint=error.hint) from None
        if deployment.paused:
            raise PrepareError(
                f"the deployment {deployment.name!r} is paused",
                code="deployment-paused",
                hint=f"resume it: automations deployment resume {deployment.name}; then redrive the dead letter",
            )
        if pool.type != "process":
            raise PrepareError(
                f"the work pool {pool.name!r} is of the type {pool.type!r}; runs here need a 'process' pool",
                hint="send the action to a sink of that type",
            )
        return deployment, pool

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Hand the run over: it is committed with the action's outcome."""
        spec = RunSpec.from_dict(prepared)
        return Done(reference=spec.id, run=spec)

    async def close(self) -> None:
        """There is nothing to let go of."""


def _deployment_name(body: JsonObject) -> str:
    """The deployment that the action names, or that the event is about."""
    about = body.get("inferred", {})
    if "deployment_id" in body or about.get("system") == "prefect":
        raise PrepareError(
            "the deployment is a Prefect server's",
            hint="name one of the deployment file, or send the action to a Prefect sink",
        )
    name: str = body["deployment"] if "deployment" in body else about["id"]
    return name


def _run_layer(request: ActionRequest) -> Layer:
    return Layer(
        values=request.body.get("job_variables", {}),
        origin=f"automation {request.automation}",
        templates=_below(request.templates),
    )


def _below(templates: Mapping[str, str]) -> dict[str, str]:
    """The marks inside of `job_variables`, as pointers from there."""
    return {
        pointer.removeprefix(_JOB_VARIABLES): template
        for pointer, template in templates.items()
        if pointer == _JOB_VARIABLES or pointer.startswith(f"{_JOB_VARIABLES}/")
    }

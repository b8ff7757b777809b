"""The sink of `run-deployment` for the process pool: an action becomes a run's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automations.jobs import build_run
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.job import Layer, RunSpec
from automations.ports import Clock, Delivery, Done, Jobs

_VARIABLES: Final = "/job_variables"


class ProcessSink:
    """Implements `ports.Sink`. Delivering has no effect of its own: the run is committed with the outcome, under
    the action's id, so it is made once.
    """

    action_types = frozenset({"run-deployment"})
    local = True

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs, self._clock = jobs, clock

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Merge the layers, validate, apply the policy. NotFoundError, JobVariableErrors."""
        deployment = self._jobs.deployment(request.body["deployment"])
        after = request.body["schedule_after"]
        author = f"automation {request.automation}"
        spec = build_run(
            self._jobs.work_pool(deployment.work_pool),
            deployment,
            Layer(request.body["job_variables"], author, templates=_below_variables(request.templates)),
            id=request.id,
            parameters=request.body["parameters"],
            created_by=author,
            automation=request.automation,
            firing=request.firing,
            follows=request.cause,
            hops=request.hops,
            tags=request.body["tags"],
            scheduled_for=self._clock.now() + after if after else None,
        )
        return spec.to_dict()

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Hand the run over to the transaction that settles the action."""
        spec = RunSpec.from_dict(prepared)
        return Done(reference=spec.id, run=spec)

    async def close(self) -> None:
        """Nothing is open."""


def _below_variables(templates: Mapping[str, str]) -> Mapping[str, str]:
    """The marks of the event's values, from the action's body to the job variables in it."""
    return {
        pointer.removeprefix(_VARIABLES): template
        for pointer, template in templates.items()
        if pointer == _VARIABLES or pointer.startswith(_VARIABLES + "/")
    }

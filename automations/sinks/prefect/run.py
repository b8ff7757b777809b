"""`run-deployment`: from a request to the POST that creates the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automations.jobs import effective_job_variables
from automations.jobs.layer import ExpandedLayer
from automations.jobs.tree import plain
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.job import Layer
from automations.model.moment import format_moment
from automations.model.reason import Reason
from automations.ports import Dead, Delivery, Done
from automations.sinks.prefect.client import Answer, path
from automations.sinks.prefect.deployments import Target
from automations.sinks.prefect.injection import check_injection

_JOB_VARIABLES: Final = "/job_variables"


def prepare_run(request: ActionRequest, target: Target, now: int) -> JsonObject:
    """Merge, validate, apply the policy; what is sent, with the provenance of every effective job variable.

    The job variables sent are the run's own layer, expanded: Prefect lays them over the deployment's and the work
    pool's itself. Prefect's idempotency key is unique per flow, so the deployment's id is in it.

    Raises JobVariableErrors, and PrepareError where the event's values are ones that Prefect would resolve.
    """
    check_injection(request, target.pool.job_configuration)
    layer = _run_layer(request)
    effective = effective_job_variables(target.pool, target.deployment, layer)
    return {
        "path": path("deployments", target.id, "create_flow_run"),
        "body": {
            "state": _scheduled(request, now),
            "parameters": request.body.get("parameters", {}),
            "job_variables": plain(ExpandedLayer(layer, "run").variables),
            "tags": list(request.body.get("tags", ())),
            "idempotency_key": f"{request.id}:{target.id}",
        },
        "deployment_id": target.id,
        "deployment": target.deployment.name,
        "provenance": {pointer: origin.to_dict() for pointer, origin in effective.provenance.items()},
    }


def created(prepared: JsonObject, answer: Answer) -> Delivery:
    """Tell whether the run that the server answered with is ours."""
    if answer.status == 404:
        return Dead(
            Reason.REJECTED,
            f"the deployment {prepared['deployment']!r} is gone, or another one has its name; redrive this",
        )
    if not answer.accepted:
        return Dead(Reason.REJECTED, answer.reason)
    run: Any = answer.body
    if not isinstance(run, dict) or run.get("deployment_id") != prepared["deployment_id"]:
        return Dead(
            Reason.REJECTED,
            f"Prefect answered with a run that is not one of the deployment {prepared['deployment']!r}: "
            "another run of the flow has the same idempotency key",
        )
    return Done(str(run["id"]))


def _scheduled(request: ActionRequest, now: int) -> JsonObject:
    state: JsonObject = {"type": "SCHEDULED", "message": f"automation {request.automation}"}
    after: int = request.body.get("schedule_after", 0)
    if after:
        state["state_details"] = {"scheduled_time": format_moment(now + after)}
    return state


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

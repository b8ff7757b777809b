"""Actions on the flow run that an event is about: cancel, suspend, resume, delete, change its state."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_OID, uuid5

from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.moment import SECOND, format_moment
from automations.model.reason import Reason
from automations.ports import Dead, Delivery, Done, Retry
from automations.sinks.prefect.client import Answer, PrefectApi, path
from automations.sinks.prefect.lookup import prefect_id, prefect_object, read

ACTIONS: Final = frozenset(
    {"cancel-flow-run", "suspend-flow-run", "resume-flow-run", "delete-flow-run", "change-flow-run-state"}
)
_RUNNABLE: Final = ("SCHEDULED", "PENDING", "RUNNING")
_ENDED: Final = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
_SUSPENDED_FOR: Final = 3600 * SECOND
"""How long a suspended run waits to be resumed before it fails; as Prefect's own automations have it."""


def prepare_flow_run(request: ActionRequest, now: int) -> JsonObject:
    """Say what is sent. `settled` lists the states in which there is nothing left to do.

    A state carries a transition id made of the request's: Prefect does not make one transition twice in a row.
    Raises PrepareError for a run that is not on a Prefect server.
    """
    run = prefect_id(prefect_object(request), "flow run")
    if request.type == "delete-flow-run":
        return {"method": "DELETE", "path": path("flow_runs", run), "body": None, "run": run}
    if request.type == "resume-flow-run":
        settled = [*_RUNNABLE, "CANCELLING", *_ENDED]
        return {
            "method": "POST",
            "path": path("flow_runs", run, "resume"),
            "body": {},
            "run": run,
            "settled": settled,
        }
    state, settled = _state(request, now)
    state.setdefault("state_details", {})["transition_id"] = str(uuid5(NAMESPACE_OID, request.id))
    body = {"state": state, "force": request.body.get("force", False)}
    return {
        "method": "POST",
        "path": path("flow_runs", run, "set_state"),
        "body": body,
        "run": run,
        "settled": settled,
    }


def _state(request: ActionRequest, now: int) -> tuple[JsonObject, list[str]]:
    """The state to set, and the states that settle the action as well."""
    message = f"automation {request.automation}"
    if request.type == "cancel-flow-run":
        return {"type": "CANCELLING", "message": message}, ["CANCELLING", *_ENDED]
    if request.type == "suspend-flow-run":
        details = {"pause_timeout": format_moment(now + _SUSPENDED_FOR), "pause_reschedule": True}
        return {"type": "PAUSED", "name": "Suspended", "message": message, "state_details": details}, ["PAUSED"]
    wanted = request.body["state"]
    state = {"type": wanted, "name": request.body.get("name"), "message": request.body.get("message") or message}
    return state, [wanted]


def deleted(prepared: JsonObject, answer: Answer) -> Delivery:
    """A run that is gone is deleted."""
    if answer.accepted or answer.status == 404:
        return Done(prepared["run"])
    return Dead(Reason.REJECTED, answer.reason)


async def changed(api: PrefectApi, prepared: JsonObject, answer: Answer) -> Delivery:
    """Read the verdict of Prefect's orchestration. What it refuses is done where the run is there already.

    It answers REJECT, too, where it sets another state instead: a scheduled run is Cancelled, not Cancelling.
    """
    verdict = answer.body
    if verdict["status"] == "ACCEPT":
        return Done(prepared["run"])
    reason = verdict["details"].get("reason") or "no reason given"
    if verdict["status"] == "WAIT":
        return Retry(reason, round(verdict["details"]["delay_seconds"] * SECOND))
    run = await read(api, "flow_runs", prepared["run"])
    state = run["state_type"] if run is not None else None
    if state in prepared["settled"]:
        return Done(f"{prepared['run']}: {state}")
    return Dead(Reason.REJECTED, f"Prefect refuses: {reason}")

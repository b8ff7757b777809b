"""Actions on the flow run that an event is about: cancel, suspend, resume, delete, change its state."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_OID, uuid5

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.moment import SECOND, format_moment
from automations.model.reason import Reason
from automations.ports import Dead, Delivery, Done, Retry
from automations.sinks.prefect.client import Answer, PrefectApi, path
from automations.sinks.prefect.lookup import not_found, prefect_id, prefect_object, read

ACTIONS: Final = frozenset(
    {"cancel-flow-run", "suspend-flow-run", "resume-flow-run", "delete-flow-run", "change-flow-run-state"}
)
_RUNNABLE: Final = ("SCHEDULED", "PENDING", "RUNNING")
_ENDED: Final = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
_SUSPENDED_FOR: Final = 3600 * SECOND
"""How long a suspended run waits to be resumed before it fails; as Prefect's own automations have it."""


def prepare_flow_run(request: ActionRequest, now: int) -> JsonObject:
    """Say what is sent. `settled` lists the states in which there is nothing left to do, `transition` is the id of
    the change, made of the request's, by which a repetition finds that it has been made.

    Raises PrepareError for a run that is not on a Prefect server.
    """
    run = prefect_id(prefect_object(request), "flow run")
    transition = str(uuid5(NAMESPACE_OID, request.id))
    if request.type == "delete-flow-run":
        return {"method": "DELETE", "path": path("flow_runs", run), "run": run}
    if request.type == "resume-flow-run":
        steps, body, settled = ("resume",), {}, [*_RUNNABLE, "CANCELLING", *_ENDED]
    else:
        state, settled = _state(request, now)
        state.setdefault("state_details", {})["transition_id"] = transition
        steps, body = ("set_state",), {"state": state, "force": request.body.get("force", False)}
    return {
        "method": "POST",
        "path": path("flow_runs", run, *steps),
        "body": body,
        "run": run,
        "settled": settled,
        "transition": transition,
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


async def carry_out(prepared: JsonObject, api: PrefectApi) -> Delivery:
    """Send it, and read the verdict of Prefect's orchestration; PrefectUnavailableError, PrepareError.

    It answers REJECT, too, where it sets another state instead: a scheduled run is Cancelled, not Cancelling. What
    it refuses is done where the run is there already.
    """
    run = prepared["run"]
    if prepared["method"] == "DELETE":
        return _deleted(run, await api.call("DELETE", prepared["path"]))
    made = await _transitions(run, api)
    if prepared["transition"] in made:
        return Done(run)
    answer = await api.call("POST", prepared["path"], prepared["body"])
    if not answer.accepted:
        return Dead(Reason.REJECTED, answer.reason)
    verdict = answer.body
    if verdict["status"] == "ACCEPT":
        return Done(run)
    reason = verdict["details"].get("reason") or "no reason given"
    if verdict["status"] == "WAIT":
        return Retry(reason, round(verdict["details"]["delay_seconds"] * SECOND))
    found = await read(api, "flow_runs", run)
    state = found["state_type"] if found is not None else None
    if state in prepared["settled"]:
        return Done(f"{run}: {state}")
    return Dead(Reason.REJECTED, f"Prefect refuses: {reason}")


def _deleted(run: str, answer: Answer) -> Delivery:
    """A run that is gone is deleted."""
    gone = answer.accepted or answer.status == 404
    return Done(run) if gone else Dead(Reason.REJECTED, answer.reason)


async def _transitions(run: str, api: PrefectApi) -> set[str]:
    """The transition ids of all states that a run has had; PrepareError `not-found` where there is no such run."""
    answer = await api.call("GET", f"/flow_run_states/?flow_run_id={run}")
    if not answer.accepted:
        raise PrepareError(answer.reason)
    if not answer.body:
        raise not_found("flow run", run)
    return {state["state_details"]["transition_id"] for state in answer.body} - {None}

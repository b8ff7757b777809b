"""From a firing to rendered action requests: the run's own layer, each leaf marked as author's or event's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from automations.engine.context import RenderContext
from automations.engine.identity import action_id
from automations.engine.inferred import inferred
from automations.engine.program import PlannedAction, Program
from automations.errors import RenderError
from automations.model.action import ActionRequest, FailedAction
from automations.model.automation import ActionList
from automations.model.document import JsonObject
from automations.model.event import MAX_HOPS
from automations.model.firing import Firing
from automations.model.reason import Reason

Planned = ActionRequest | FailedAction


def plan(program: Program, firing: Firing) -> Sequence[Planned]:
    """Render every action of a firing. One that fails is a `FailedAction`; the others go on.

    A suppressed firing has none. A chain longer than 10 hops is cut here, so that rules that feed each other end.
    """
    context = RenderContext(program.automation, firing)
    return [_plan_one(action, firing, context) for action in _actions(program, firing)]


def plan_failed(program: Program, firing: Firing, message: str) -> Sequence[Planned]:
    """Give every action of a firing up, for a fault that is ours and not the template's."""
    return [_failed(action, firing, Reason.RENDER_FAILED, message) for action in _actions(program, firing)]


def _actions(program: Program, firing: Firing) -> Iterator[PlannedAction]:
    if not firing.suppressed:
        for actions in _lists(program, firing):
            yield from program.actions[actions]


def _lists(program: Program, firing: Firing) -> Sequence[ActionList]:
    """`actions` run at every firing, then `actions_on_trigger` when it enters the triggered state: a trigger that
    has no such state enters it each time. A resolve runs `actions_on_resolve` alone.
    """
    if firing.kind == "resolve":
        return ("actions_on_resolve",)
    entered = firing.kind == "trigger" or not program.tree.stays_triggered
    return ("actions", "actions_on_trigger") if entered else ("actions",)


def _plan_one(action: PlannedAction, firing: Firing, context: RenderContext) -> Planned:
    if firing.hops >= MAX_HOPS:
        message = f"the chain of events behind this firing is {firing.hops} hops long; it is cut at {MAX_HOPS}"
        return _failed(action, firing, Reason.TOO_MANY_HOPS, message)
    try:
        target = _target(action, firing)
        typed, typed_templates = action.fields.render(context.names(action.fields.names))
        text, text_templates = action.text_fields.render(context.names(action.text_fields.names))
    except RenderError as error:
        return _failed(action, firing, error.code, error.message)
    return ActionRequest(
        **_common(action, firing),
        body={**action.constants, **target, **typed, **text},
        templates={**typed_templates, **text_templates},
    )


def _target(action: PlannedAction, firing: Firing) -> JsonObject:
    """The object that the event is about, where the action says so."""
    kind = action.document.inferred_kind
    if kind is None:
        return {}
    found = inferred(firing.event, kind) if firing.event is not None else None
    if found is None:
        raise RenderError(f"the event is about no {kind.replace('-', ' ')}", code="undefined")
    return {"inferred": found}


def _common(action: PlannedAction, firing: Firing) -> dict[str, Any]:
    return {
        "id": action_id(firing.id, action.list, action.index, action.target),
        "firing": firing.id,
        "automation": firing.automation,
        "type": action.type,
        "list": action.list,
        "index": action.index,
        "cause": firing.event.ref if firing.event else None,
        "hops": firing.hops,
    }


def _failed(action: PlannedAction, firing: Firing, code: str, message: str) -> FailedAction:
    return FailedAction(**_common(action, firing), code=code, message=message)

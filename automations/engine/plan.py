"""From a firing to rendered action requests: the run's own layer, each leaf marked as author's or event's."""

from __future__ import annotations

from collections.abc import Sequence

from automations.engine.context import RenderContext
from automations.engine.identity import action_id
from automations.engine.program import PlannedAction, Program
from automations.errors import RenderError
from automations.model.action import ActionRequest, FailedAction
from automations.model.event import MAX_HOPS
from automations.model.firing import Firing
from automations.model.reason import Reason

Planned = ActionRequest | FailedAction


def plan(program: Program, firing: Firing) -> Sequence[Planned]:
    """Render every action of a firing. One that fails is a `FailedAction`; the others go on.

    A suppressed firing has none. A chain longer than 10 hops is cut here, so that rules that feed each other end.
    """
    if firing.suppressed:
        return ()
    context = RenderContext(program.automation, firing)
    return [_plan_one(action, firing, context) for action in program.actions]


def plan_failed(program: Program, firing: Firing, message: str) -> Sequence[Planned]:
    """Give every action of a firing up, for a fault that is ours and not the template's."""
    if firing.suppressed:
        return ()
    return [
        _failed(action, firing, _identity(action, firing), Reason.RENDER_FAILED, message)
        for action in program.actions
    ]


def _identity(action: PlannedAction, firing: Firing) -> str:
    return action_id(firing.id, "actions", action.index, action.target)


def _plan_one(action: PlannedAction, firing: Firing, context: RenderContext) -> Planned:
    identity = _identity(action, firing)
    if firing.hops >= MAX_HOPS:
        message = f"the chain of events behind this firing is {firing.hops} hops long; it is cut at {MAX_HOPS}"
        return _failed(action, firing, identity, Reason.TOO_MANY_HOPS, message)
    try:
        typed, typed_templates = action.fields.render(context.names(action.fields.names))
        text, text_templates = action.text_fields.render(context.names(action.text_fields.names))
    except RenderError as error:
        return _failed(action, firing, identity, error.code, error.message)
    return ActionRequest(
        id=identity,
        firing=firing.id,
        automation=firing.automation,
        type=action.type,
        list="actions",
        index=action.index,
        body={**action.constants, **typed, **text},
        templates={**typed_templates, **text_templates},
        cause=firing.event.ref if firing.event else None,
        hops=firing.hops,
    )


def _failed(action: PlannedAction, firing: Firing, identity: str, code: str, message: str) -> FailedAction:
    return FailedAction(
        id=identity,
        firing=firing.id,
        automation=firing.automation,
        type=action.type,
        list="actions",
        index=action.index,
        code=code,
        message=message,
        cause=firing.event.ref if firing.event else None,
        hops=firing.hops,
    )

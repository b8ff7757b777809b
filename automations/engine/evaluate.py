"""From a match and the state of its cell to the firings, and the cell's next state.

A cell is the unit of state: one for each (automation, root group). Its state is plain JSON:

    {"trigger": fingerprint, "clock": moment,
     "groups": {group key: window state}, "throttle": {group key: [moments]}}

An edit that does not touch the trigger keeps the cell; one that does starts it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from automations.engine.grouping import Group, group_key, group_labels
from automations.engine.guards import throttle
from automations.engine.identity import firing_id
from automations.engine.index import Match
from automations.engine.program import Program
from automations.engine.window import Entry, Window, arrive
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.moment import SECOND
from automations.model.reason import Reason

LATENESS = 60 * SECOND
"""The default of the setting `lateness`, microseconds."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`state` is the cell's next state, None where nothing has to be kept. `reason` tells what became of the
    event; `firings` holds suppressed ones too.
    """

    state: JsonObject | None
    firings: tuple[Firing, ...]
    reason: Reason


def cell_key(program: Program, match: Match) -> tuple[str, str]:
    """The cell that a match belongs to: (automation, root group as compact JSON)."""
    return match.automation, group_key(program.root_group(match.group))


def evaluate(
    program: Program, state: JsonObject | None, match: Match, event: Event, *, lateness: int = LATENESS
) -> Evaluation:
    """Evaluate one match. Pure: the same state and event give the same answer anywhere; `state` is not changed."""
    if program.automation.stateless:
        return Evaluation(None, (_immediate(program, match.group, event),), Reason.FIRED)
    cell = _opened(program, state, event.received)
    firing, reason = _trigger(program, cell, match, event, lateness)
    if firing is None:
        return Evaluation(cell, (), reason)
    firing = _guard(program, cell, firing)
    return Evaluation(cell, (firing,), firing.reason)


def _opened(program: Program, state: JsonObject | None, received: int) -> JsonObject:
    if state is None or state["trigger"] != program.fingerprint:
        return {"trigger": program.fingerprint, "clock": received, "groups": {}, "throttle": {}}
    return {**state, "clock": max(state["clock"], received)}


def _immediate(program: Program, group: Group, event: Event) -> Firing:
    automation = program.automation
    labels = group_labels(automation.trigger.for_each, group)
    return Firing(
        id=firing_id(automation.name, labels, "fire", [event.key]),
        automation=automation.name,
        kind="fire",
        at=event.time,
        labels=labels,
        event=event,
        events=(event,),
    )


def _trigger(
    program: Program, cell: JsonObject, match: Match, event: Event, lateness: int
) -> tuple[Firing | None, Reason]:
    trigger = program.automation.trigger
    if trigger.immediate:
        return _immediate(program, match.group, event), Reason.FIRED
    window = Window(trigger.threshold, trigger.within, lateness)
    key = group_key(match.group)
    arrival = arrive(window, cell["groups"].get(key), event)
    cell["groups"] = {**cell["groups"], key: arrival.state}
    if not arrival.counted:
        return None, arrival.reason
    return _counted(program, match.group, arrival.counted), Reason.FIRED


def _counted(program: Program, group: Group, counted: list[Entry]) -> Firing:
    automation = program.automation
    labels = group_labels(automation.trigger.for_each, group)
    events = tuple(Event.from_dict(entry[3]) for entry in counted if entry[3] is not None)
    return Firing(
        id=firing_id(automation.name, labels, "fire", [(entry[1], entry[2]) for entry in counted]),
        automation=automation.name,
        kind="fire",
        at=counted[-1][0],
        labels=labels,
        event=events[-1],
        events=events,
        count=len(counted),
        truncated=len(events) < len(counted),
    )


def _guard(program: Program, cell: JsonObject, firing: Firing) -> Firing:
    rule, event = program.automation.throttle, firing.event
    if rule is None or event is None:
        return firing
    key = group_key(program.throttle_group(event))
    reason, moments = throttle(rule, cell["throttle"].get(key, []), cell["clock"])
    cell["throttle"] = {**cell["throttle"], key: moments}
    return replace(firing, reason=reason)

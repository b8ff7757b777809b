"""From an input and the state of a cell to the firings, and the cell's next state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from automations.engine.cell import LATENESS, STATE_RETENTION, Cell
from automations.engine.grouping import Group, group_key, group_labels
from automations.engine.identity import firing_id
from automations.engine.index import Match
from automations.engine.program import Program
from automations.engine.tree import ROOT
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.reason import Reason

CellKey = tuple[str, str]
"""(automation, root group as compact JSON)"""


@dataclass(frozen=True, slots=True)
class StateBounds:
    """`lateness`: how much older than its window an event may be and still count. `state_retention`: how long idle
    state is kept. Both in microseconds.
    """

    lateness: int = LATENESS
    state_retention: int = STATE_RETENTION


DEFAULT: Final = StateBounds()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`state` is the cell's next state, None where nothing has to be kept; `due`, the moment at which it wants a
    tick, None where it waits for none. `firings` holds suppressed ones too. `reasons`: what became of the event at
    each part of the trigger that it reached, by path.
    """

    state: JsonObject | None
    due: int | None
    firings: tuple[Firing, ...]
    reasons: Mapping[str, Reason] = field(default_factory=dict)


def cell_key(program: Program, match: Match) -> CellKey:
    """The cell that a match belongs to."""
    return match.automation, group_key(program.root_group(match.group))


def self_starting_cell(program: Program) -> CellKey | None:
    """The cell that must be opened by a tick when the automation is loaded; None where events open its cells."""
    return (program.automation.name, "[]") if program.tree.self_starting else None


def evaluate(
    program: Program,
    state: JsonObject | None,
    event: Event,
    matches: Sequence[Match],
    bounds: StateBounds = DEFAULT,
) -> Evaluation:
    """Evaluate an event in the cell that all its `matches` of one automation share.

    Every deadline up to `received` passes first; those that the event creates in the past pass behind it. Pure:
    the same state and event give the same answer anywhere, and `state` is not changed.
    """
    if program.automation.stateless:
        return Evaluation(None, None, (_immediate(program, matches[0].group, event),), {ROOT: Reason.FIRED})
    cell = Cell(program, state, event.received, bounds.lateness, bounds.state_retention)
    cell.pass_deadlines()
    cell.take(event, [(match.trigger, match.group) for match in matches])
    cell.pass_deadlines()
    return Evaluation(cell.state, cell.due, tuple(cell.firings), cell.reasons)


def tick(
    program: Program,
    state: JsonObject | None,
    now: int,
    bounds: StateBounds = DEFAULT,
    *,
    downtime: bool = False,
) -> Evaluation:
    """Let time pass in a cell up to `now`; it opens a cell that needs no event. `downtime`: the engine was away
    until now, so of windows that were missed only the last is judged, and schedules catch up.
    """
    cell = Cell(program, state, now, bounds.lateness, bounds.state_retention)
    if downtime:
        cell.after_downtime()
    cell.pass_deadlines()
    return Evaluation(cell.state, cell.due, tuple(cell.firings))


def _immediate(program: Program, group: Group, event: Event) -> Firing:
    automation = program.automation
    labels = group_labels(automation.for_each, group)
    return Firing(
        id=firing_id(automation.name, labels, "fire", [event.key]),
        automation=automation.name,
        kind="fire",
        at=event.time,
        labels=labels,
        event=event,
        events=(event,),
    )

"""Recorded events through rules on the clock of their receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from automations.engine import StateBounds, compile_rules, plan
from automations.engine.batch import Found
from automations.engine.simulation import Simulation
from automations.errors import AutomationsError
from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.ruleset import RuleSet

Check = Callable[[ActionRequest], None]
"""Raises what a run of the request would be refused for."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A firing with its rendered actions: `type`, `list` and the fields, or `failed` and why."""

    firing: Firing
    actions: Sequence[JsonObject]


def replay(
    rules: RuleSet,
    events: Sequence[Event],
    check: Check,
    *,
    until: int | None = None,
    bounds: StateBounds | None = None,
) -> Iterator[Replayed]:
    """Yield every firing in order, suppressed ones too. Time begins with the first event and ends at `until`
    (microseconds), or with the last event.
    """
    if not events:
        return
    simulation = Simulation(compile_rules(rules), events[0].received, bounds or StateBounds())
    for event in events:
        yield from _planned(simulation.feed(event)[1], check)
    if until is not None:
        yield from _planned(simulation.tick(until), check)


def _planned(found: Sequence[Found], check: Check) -> Iterator[Replayed]:
    for program, firing in found:
        yield Replayed(firing, [_shown(planned, check) for planned in plan(program, firing)])


def _shown(planned: ActionRequest | FailedAction, check: Check) -> JsonObject:
    if isinstance(planned, FailedAction):
        why = {"failed": str(planned.code), "why": planned.message}
        return {"type": planned.type, "list": planned.list, **why}
    shown = {**planned.readable(), "list": planned.list}
    if planned.type == "run-deployment":
        try:
            check(planned)
        except AutomationsError as error:
            return {**shown, "failed": error.code, "why": error.message}
    return shown

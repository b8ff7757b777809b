"""Metric triggers: they trigger while an aggregate holds (rules.md 4.3 and 10)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from automations.engine import samples
from automations.engine.entries import bounded, inserted
from automations.engine.machine import Arrival, Spark, Step
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.reason import Reason

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Triggers once the aggregate over (now - range, now] has held for `firing_for`; resolves when it no longer
    does. Now is the cell's clock. Durations in microseconds; `value` reads an event's sample, None where it has
    none.

    State: {"samples", "slices": see `samples`; "entries": the events in the range; "judged": the moment of the
    last judgement; "since": from when on it has held, None where it does not; "triggered": bool}
    """

    value: Callable[[Event], float | None]
    aggregate: str
    operator: str
    threshold: float
    range: int
    firing_for: int

    def opened(self, clock: int) -> None:
        """Nothing: a group is known from its first sample."""

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Take the event's sample, and judge."""
        value = self.value(arrival.event)
        if value is None:
            return Step(state, (), Reason.NO_NUMBER)
        before: JsonObject = state or {**samples.EMPTY, "entries": [], "since": None, "triggered": False}
        after = {
            **before,
            **samples.added(before, arrival.time, value, self.range),
            "entries": bounded(inserted(before["entries"], arrival.entry)),
        }
        return self._judged(after, arrival.clock, [[arrival.event.source, arrival.event.id]])

    def deadline(self, state: JsonObject) -> int | None:
        """Return when the next sample enters or leaves the range, or the aggregate has held long enough."""
        judged = state["judged"]
        moments = [time if time > judged else time + self.range for time in samples.times(state)]
        if state["since"] is not None and not state["triggered"]:
            moments.append(state["since"] + self.firing_for)
        return min(moments, default=None)

    def pass_deadline(self, state: JsonObject) -> Step:
        """Judge by time alone."""
        moment = self.deadline(state)
        return Step(state) if moment is None else self._judged(state, moment, [])

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject:
        """Every change counts, whenever it is seen."""
        return state

    def _judged(self, state: JsonObject, now: int, causes: list[list[str]]) -> Step:
        state = {
            **state,
            **samples.within(state, now - self.range),
            "entries": [entry for entry in state["entries"] if entry[0] > now - self.range],
            "judged": now,
        }
        value = samples.aggregate(state, self.aggregate, now)
        if value is None or not _COMPARE[self.operator](value, self.threshold):
            return self._not_holding(state, now, causes)
        since = now if state["since"] is None else state["since"]
        if state["triggered"] or now - since < self.firing_for:
            return Step({**state, "since": since}, (), Reason.HOLDING)
        spark = self._spark("trigger", state, now, causes)
        return Step({**state, "since": since, "triggered": True}, (spark,), Reason.FIRED)

    def _not_holding(self, state: JsonObject, now: int, causes: list[list[str]]) -> Step:
        after = {**state, "since": None, "triggered": False}
        if not state["triggered"]:
            return Step(after, (), Reason.NOT_HOLDING)
        return Step(after, (self._spark("resolve", state, now, causes),), Reason.RESOLVED)

    def _spark(self, kind: Any, state: JsonObject, now: int, causes: list[list[str]]) -> Spark:
        counted = [entry for entry in state["entries"] if entry[0] <= now]
        number = samples.aggregate(state, "count", now)
        last = counted[-1] if counted else None
        return Spark(now, kind, [["judged", str(now)], *causes], counted, int(number or 0), last)

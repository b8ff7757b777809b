"""Reactive triggers: they fire at events (rules.md 4.1 and 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automations.engine.entries import Entry, bounded, inserted, keys_of
from automations.engine.machine import Arrival, Spark, Step
from automations.model.document import JsonObject
from automations.model.reason import Reason


class _Timeless:
    """Time alone decides nothing."""

    def opened(self, clock: int) -> None:
        """Nothing: events open groups."""

    def deadline(self, state: JsonObject) -> None:
        """Nothing waits for a moment."""

    def pass_deadline(self, state: JsonObject) -> Step:
        """Nothing is ever due."""
        return Step(state)

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject:
        """Nothing is ever missed."""
        return state


class Immediate(_Timeless):
    """Every matching event fires by itself."""

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Fire."""
        return Step(None, (Spark.counted([arrival.entry]),), Reason.FIRED)


@dataclass(frozen=True, slots=True)
class SlidingWindow(_Timeless):
    """Fires at the event that completes `threshold` events which span at most `within` microseconds.

    State: {"waiting": [entry, ...], "silences": [[start, end, [[source, id] of those spent at its end]], ...]}

    Invariants: `waiting` is in order of time; no `threshold` entries of it lie within `within`, for they would
    have fired; a silence is half open and forgotten once no event can fall into it any more.
    """

    threshold: int
    within: int

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Count one matching event."""
        waiting, silences = self._remembered(state, arrival.horizon)
        reason = _refusal(waiting, silences, arrival)
        if reason is not None:
            return Step(_state(waiting, silences), (), reason)
        waiting = inserted(waiting, arrival.entry)
        first = self._earliest_complete(waiting)
        if first is None:
            return Step(_state(bounded(waiting), silences))
        spent = waiting[first : first + self.threshold]
        rest = waiting[:first] + waiting[first + self.threshold :]
        return Step(_state(rest, [*silences, self._silence(spent)]), (Spark.counted(spent),), Reason.FIRED)

    def _remembered(self, state: JsonObject | None, horizon: int | None) -> tuple[list[Entry], list[Any]]:
        """Windows are kept for `lateness` behind their end, so none begins before `horizon`; a silence matters as
        long as an event can fall into it.
        """
        if state is None:
            return [], []
        if horizon is None:
            return state["waiting"], state["silences"]
        waiting = [entry for entry in state["waiting"] if entry[0] >= horizon]
        return waiting, [silence for silence in state["silences"] if silence[1] >= horizon]

    def _earliest_complete(self, waiting: list[Entry]) -> int | None:
        """Find where the earliest run of `threshold` entries that spans at most `within` begins."""
        for first in range(len(waiting) - self.threshold + 1):
            if waiting[first + self.threshold - 1][0] - waiting[first][0] <= self.within:
                return first
        return None

    def _silence(self, spent: list[Entry]) -> list[Any]:
        """Silence after a firing, with the keys of those spent events that lie at its open end: only a repetition
        of one of these would not fall silent by its time.
        """
        start, end = spent[0][0], spent[0][0] + self.within
        return [start, end, keys_of(entry for entry in spent if entry[0] >= end)]


def _state(waiting: list[Entry], silences: list[Any]) -> JsonObject | None:
    return {"waiting": waiting, "silences": silences} if waiting or silences else None


def _refusal(waiting: list[Entry], silences: list[Any], arrival: Arrival) -> Reason | None:
    if any(start <= arrival.time < end for start, end, _ in silences):
        return Reason.SILENT
    key = [arrival.event.source, arrival.event.id]
    if any(entry[1:3] == key for entry in waiting) or any(key in spent for _, _, spent in silences):
        return Reason.DUPLICATE
    return None


@dataclass(frozen=True, slots=True)
class OpenedWindow(_Timeless):
    """Counts expected events inside windows [a, a + within] that an `after` event at `a` opens.

    State: {"windows": [[a, [entry, ...]], ...]} in order of `a`; none holds `threshold` entries, for it would have
    fired and closed.
    """

    threshold: int
    within: int

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Count in the earliest open window, or open one."""
        windows = self._remembered(state, arrival.horizon)
        place = next((i for i, (a, _) in enumerate(windows) if a <= arrival.time <= a + self.within), None)
        if place is None:
            return self._outside(windows, arrival)
        if not arrival.expected:
            return Step({"windows": windows}, (), Reason.WINDOW_OPEN)
        opened, counted = windows[place]
        counted = inserted(counted, arrival.entry)
        if len(counted) < self.threshold:
            return Step({"windows": [*windows[:place], [opened, bounded(counted)], *windows[place + 1 :]]})
        left = windows[:place] + windows[place + 1 :]
        return Step({"windows": left} if left else None, (Spark.counted(counted),), Reason.FIRED)

    def _outside(self, windows: list[Any], arrival: Arrival) -> Step:
        if not arrival.opening:
            return Step({"windows": windows} if windows else None, (), Reason.NO_WINDOW)
        opened = sorted([*windows, [arrival.time, []]], key=lambda window: window[0])
        return Step({"windows": opened}, (), Reason.OPENED)

    def _remembered(self, state: JsonObject | None, horizon: int | None) -> list[Any]:
        if state is None:
            return []
        return [w for w in state["windows"] if horizon is None or w[0] >= horizon]

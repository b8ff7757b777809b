"""Proactive triggers: they fire when too little came before a deadline (rules.md 4.1 and 10).

A window is half open. Its deadline is its end plus `grace`; at an equal time the deadline comes before the event.
The context's `event` is the newest one of the group, expected or opening, before the deadline, and an expected one
that is dated at or behind the deadline resolves the firing at once: `seen` keeps what any deadline that may still
come can ask for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Final

from automations.engine.entries import Entry, bounded, inserted, stripped
from automations.engine.machine import Arrival, Spark, Step
from automations.model.document import JsonObject
from automations.model.reason import Reason

Seen = list[Any]
"""[entry, expected]: an event, and whether `expect` names it."""
_SEEN: Final = 100
"""Of more events than these within `lateness`, the newest are remembered."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The numbers of a Proactive trigger; durations in microseconds."""

    threshold: int
    within: int
    grace: int

    def after(self, start: int) -> int:
        """The moment at which the window that begins at `start` is judged."""
        return start + self.within + self.grace

    def missed(self, state: JsonObject, end: int, counted: list[Entry]) -> tuple[Spark, ...]:
        """The firing of a window that got too little, and its resolve where that is known already."""
        at = end + self.grace
        before = [entry for entry, _ in state["seen"] if entry[0] < at]
        kind: Any = "fire" if state["triggered"] else "trigger"
        last = before[-1] if before else None
        firing = Spark(at, kind, [["deadline", str(end)]], counted, len(counted), last)
        ahead = next((entry for entry, expected in state["seen"] if expected and entry[0] >= at), None)
        return (firing,) if ahead is None else (firing, _resolve(ahead))

    def seen(self, known: list[Seen], arrival: Arrival, waiting: int | None) -> list[Seen]:
        """Remember the event, and forget what no deadline can ask for: none comes before `oldest`, and of those
        before it only the newest counts. `waiting` is the next deadline known.
        """
        place = bisect_right(known, arrival.time, key=lambda seen: seen[0][0])
        kept = [*known[:place], [arrival.entry, arrival.expected], *known[place:]]
        oldest = (arrival.horizon or 0) + self.within + self.grace
        if waiting is not None:
            oldest = min(oldest, waiting)
        before = sum(entry[0] < oldest for entry, _ in kept)
        return kept[max(before - 1, len(kept) - _SEEN, 0) :]


def _resolved(state: JsonObject, arrival: Arrival) -> tuple[Spark, ...]:
    """The group's next expected event after a firing resolves it, at its own time."""
    return (_resolve(arrival.entry),) if state["triggered"] and arrival.expected else ()


def _resolve(entry: Entry) -> Spark:
    return Spark(entry[0], "resolve", [entry[1:3]], [entry], 1, entry)


@dataclass(frozen=True, slots=True)
class WindowTrain:
    """Windows that follow each other.

    `aligned`: from whole multiples of `within` since 1970, the first at or after the moment of opening. Otherwise
    a group's windows begin at its first event, and after a firing it sleeps until an event at or after that
    window's end.

    State: {"start": of the first window that is not judged, None asleep; "asleep": end of the window that put it
    to sleep; "counted": [entry, ...] from `start` on; "seen": [[entry, expected], ...]; "triggered": bool}
    """

    deadlines: Deadline
    aligned: bool

    def opened(self, clock: int) -> JsonObject | None:
        """Open the windows of all events together; groups are opened by their events."""
        within = self.deadlines.within
        return _train(-(-clock // within) * within) if self.aligned else None

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Count the event, open the group's windows by it, resolve."""
        before = state or _train(None)
        start, counted = before["start"], before["counted"]
        if start is None and (before["asleep"] is None or arrival.time >= before["asleep"]):
            start = arrival.time
        counts = start is not None and arrival.time >= start
        after = {
            "start": start,
            "asleep": None if start is not None else before["asleep"],
            "counted": self._thinned(start, inserted(counted, arrival.entry)) if counts else counted,
            "seen": self.deadlines.seen(before["seen"], arrival, self._due(start)),
            "triggered": False,
        }
        sparks = _resolved(before, arrival)
        return Step(after, sparks, Reason.RESOLVED if sparks else Reason.COUNTED if counts else Reason.TOO_LATE)

    def _thinned(self, start: int, counted: list[Entry]) -> list[Entry]:
        """Of a window that has enough, only that is remembered."""
        threshold, end = self.deadlines.threshold, start + self.deadlines.within
        inside = sum(entry[0] < end for entry in counted)
        if inside < threshold:
            return bounded(counted)
        return [stripped(entry) for entry in counted[:threshold]] + counted[inside:]

    def _due(self, start: int | None) -> int | None:
        return None if start is None else self.deadlines.after(start)

    def deadline(self, state: JsonObject) -> int | None:
        """Return the deadline of the first window that is not judged."""
        return self._due(state["start"])

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject:
        """Go on to the last window whose deadline has passed."""
        start, within = state["start"], self.deadlines.within
        missed = 0 if start is None else (clock - self.deadlines.after(start)) // within
        return state if missed <= 0 else {**state, "start": start + missed * within}

    def pass_deadline(self, state: JsonObject) -> Step:
        """Judge the first window."""
        start, end = state["start"], state["start"] + self.deadlines.within
        counted = [entry for entry in state["counted"] if start <= entry[0] < end]
        rest = [entry for entry in state["counted"] if entry[0] >= end]
        if len(counted) >= self.deadlines.threshold:
            return Step({**state, "start": end, "counted": self._thinned(end, rest)})
        sparks = self.deadlines.missed(state, end, counted)
        after = {**state, "triggered": len(sparks) == 1, "counted": rest, "start": end}
        if not self.aligned:
            after["start"] = rest[0][0] if rest else None
            after["asleep"] = None if rest else end
        if rest:
            after["counted"] = self._thinned(after["start"], rest)
        return Step(after, sparks, Reason.FIRED)


def _train(start: int | None) -> JsonObject:
    return {"start": start, "asleep": None, "counted": [], "seen": [], "triggered": False}


@dataclass(frozen=True, slots=True)
class AwaitedWindow:
    """Windows [a, a + within) that `after` events open; enough expected events close one quietly.

    State: {"windows": [[a, [entry, ...]], ...] in order of `a`, no two with the same,
    "seen": [[entry, expected], ...], "triggered": bool}
    """

    deadlines: Deadline

    def opened(self, clock: int) -> None:
        """Nothing: an `after` event opens a group."""

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Count in the earliest open window, close it, open one, resolve."""
        before: JsonObject = state or {"windows": [], "seen": [], "triggered": False}
        windows, reason = self._taken(before["windows"], arrival)
        sparks = _resolved(before, arrival)
        after = {
            "windows": windows,
            "seen": self.deadlines.seen(before["seen"], arrival, self._due(windows)),
            "triggered": before["triggered"] and not sparks,
        }
        return Step(after, sparks, Reason.RESOLVED if sparks else reason)

    def _taken(self, windows: list[Any], arrival: Arrival) -> tuple[list[Any], Reason]:
        time, within = arrival.time, self.deadlines.within
        place = next((i for i, (a, _) in enumerate(windows) if a <= time < a + within), None)
        if place is None:
            return self._opened_by(windows, arrival) if arrival.opening else (windows, Reason.NO_WINDOW)
        if not arrival.expected:
            return windows, Reason.WINDOW_OPEN
        opened, counted = windows[place]
        counted = inserted(counted, arrival.entry)
        if len(counted) < self.deadlines.threshold:
            return [*windows[:place], [opened, bounded(counted)], *windows[place + 1 :]], Reason.COUNTED
        left = windows[:place] + windows[place + 1 :]
        return self._opened_by(left, arrival) if arrival.opening else (left, Reason.WINDOW_CLOSED)

    def _opened_by(self, windows: list[Any], arrival: Arrival) -> tuple[list[Any], Reason]:
        if any(start == arrival.time for start, _ in windows):
            return windows, Reason.WINDOW_OPEN
        return sorted([*windows, [arrival.time, []]], key=lambda window: window[0]), Reason.OPENED

    def _due(self, windows: list[Any]) -> int | None:
        return self.deadlines.after(windows[0][0]) if windows else None

    def deadline(self, state: JsonObject) -> int | None:
        """Return the deadline of the earliest open window."""
        return self._due(state["windows"])

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject:
        """Leave out the windows whose deadline has passed, but the last."""
        passed = sum(self.deadlines.after(start) <= clock for start, _ in state["windows"])
        return {**state, "windows": state["windows"][max(passed - 1, 0) :]}

    def pass_deadline(self, state: JsonObject) -> Step:
        """Fire: the earliest window did not get enough, or it would have been closed."""
        (start, counted), *left = state["windows"]
        sparks = self.deadlines.missed(state, start + self.deadlines.within, counted)
        return Step({**state, "windows": left, "triggered": len(sparks) == 1}, sparks, Reason.FIRED)

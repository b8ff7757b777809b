"""The sliding window of a Reactive trigger, in event time (rules.md 4.1, 4.5 and 10).

State is plain JSON, so that any runtime can keep it anywhere:

    {"newest": moment,
     "waiting": [[time, source, id, body | null, bytes], ...],
     "silences": [[start, end, [[source, id] of those spent at its end]], ...]}

Invariants: `waiting` is in order of time, equal times in order of arrival; no `threshold` entries of it lie within
`within`, for they would have fired; a silence is half open and forgotten once no event can fall into it any more.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Final

import orjson

from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.reason import Reason

KEPT_EVENTS: Final = 1_000
KEPT_BYTES: Final = 512 * 1024

Entry = list[Any]  # [time, source, id, canonical object | None, its size in bytes]


@dataclass(frozen=True, slots=True)
class Window:
    """The trigger's numbers; durations in microseconds."""

    threshold: int
    within: int
    lateness: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an event did to the window: the new state, why, and the counted entries when it fired."""

    state: JsonObject
    reason: Reason
    counted: list[Entry]


def arrive(window: Window, state: JsonObject | None, event: Event) -> Arrival:
    """Count one matching event. `state` is not changed."""
    time = event.time
    before: JsonObject = state or {"newest": time, "waiting": [], "silences": []}
    newest = max(before["newest"], time)
    waiting, silences = _forget(window, newest, before)
    after: JsonObject = {"newest": newest, "waiting": waiting, "silences": silences}
    reason = _refusal(window, before["newest"], waiting, silences, event)
    if reason is not None:
        return Arrival(after, reason, [])
    body = event.to_dict()
    _insert(waiting, [time, event.source, event.id, body, len(orjson.dumps(body))])
    counted = _earliest_complete(window, waiting)
    if counted is None:
        after["waiting"] = _bounded(waiting)
        return Arrival(after, Reason.COUNTED, [])
    first, last = counted
    spent = waiting[first:last]
    after["waiting"] = waiting[:first] + waiting[last:]
    after["silences"] = [*silences, _silence(window, spent)]
    return Arrival(after, Reason.FIRED, spent)


def _forget(window: Window, newest: int, state: JsonObject) -> tuple[list[Entry], list[list[Any]]]:
    """Let go of what no acceptable event can reach: the oldest one that still counts is at `horizon`."""
    horizon = newest - window.within - window.lateness
    waiting = [entry for entry in state["waiting"] if entry[0] >= horizon - window.within]
    silences = [silence for silence in state["silences"] if silence[1] >= horizon]
    return waiting, silences


def _refusal(
    window: Window, newest: int, waiting: list[Entry], silences: list[list[Any]], event: Event
) -> Reason | None:
    time = event.time
    if time < newest - window.within - window.lateness:
        return Reason.TOO_LATE
    if any(start <= time < end for start, end, _ in silences):
        return Reason.SILENT
    key = [event.source, event.id]
    if any(entry[1:3] == key for entry in waiting) or any(key in spent for _, _, spent in silences):
        return Reason.DUPLICATE
    return None


def _insert(waiting: list[Entry], entry: Entry) -> None:
    waiting.insert(bisect_right(waiting, entry[0], key=lambda other: other[0]), entry)


def _earliest_complete(window: Window, waiting: list[Entry]) -> tuple[int, int] | None:
    """Find the earliest run of `threshold` entries that spans at most `within`."""
    size = window.threshold
    for first in range(len(waiting) - size + 1):
        if waiting[first + size - 1][0] - waiting[first][0] <= window.within:
            return first, first + size
    return None


def _silence(window: Window, spent: list[Entry]) -> list[Any]:
    """Silence after a firing, with the keys of those spent events that lie at its open end: only a repetition of
    one of these would not fall silent by its time.
    """
    start, end = spent[0][0], spent[0][0] + window.within
    return [start, end, [entry[1:3] for entry in spent if entry[0] >= end]]


def _bounded(waiting: list[Entry]) -> list[Entry]:
    """Let go of bodies beyond the bounds, from the middle: the first and the last ones stay (rules.md 4.5)."""
    bodied = [position for position, entry in enumerate(waiting) if entry[3] is not None]
    total = sum(waiting[position][4] for position in bodied)
    while len(bodied) > KEPT_EVENTS or (total > KEPT_BYTES and len(bodied) > 2):
        position = bodied.pop(len(bodied) // 2)
        total -= waiting[position][4]
        waiting[position] = [*waiting[position][:3], None, 0]
    return waiting

"""Counted events as cells keep them: plain JSON, in order of event time, with bounded bodies (rules.md 4.5)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

import orjson

from automations.model.event import Event

KEPT_EVENTS: Final = 1_000
KEPT_BYTES: Final = 512 * 1024

Entry = list[Any]
"""[time, source, id, canonical object | None where it was let go, its size in bytes, its number in the cell]"""

order_of = itemgetter(0, 5)
"""In order of event time; equal times in order of arrival."""


def entry_of(event: Event, number: int) -> Entry:
    """Keep an event, the cell's `number`th."""
    body = event.to_dict()
    return [event.time, event.source, event.id, body, len(orjson.dumps(body)), number]


def stripped(entry: Entry) -> Entry:
    """Let go of the body."""
    return [*entry[:3], None, 0, entry[5]]


def events_of(entries: Iterable[Entry]) -> tuple[Event, ...]:
    """Read back the events whose bodies are there."""
    return tuple(Event.from_dict(entry[3]) for entry in entries if entry[3] is not None)


def keys_of(entries: Iterable[Entry]) -> list[list[str]]:
    """The (source, id) of each."""
    return [entry[1:3] for entry in entries]


def inserted(entries: Sequence[Entry], entry: Entry) -> list[Entry]:
    """Return the entries with one more in its place."""
    place = bisect_right(entries, order_of(entry), key=order_of)
    return [*entries[:place], entry, *entries[place:]]


def bounded(entries: list[Entry]) -> list[Entry]:
    """Let go of bodies beyond the bounds, from the middle: the first and the last ones stay."""
    bodied = [position for position, entry in enumerate(entries) if entry[3] is not None]
    total = sum(entries[position][4] for position in bodied)
    if len(bodied) <= KEPT_EVENTS and total <= KEPT_BYTES:
        return entries
    kept = list(entries)
    while len(bodied) > KEPT_EVENTS or (total > KEPT_BYTES and len(bodied) > 2):
        position = bodied.pop(len(bodied) // 2)
        total -= kept[position][4]
        kept[position] = stripped(kept[position])
    return kept

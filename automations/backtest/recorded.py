"""Recorded events: JSON lines, as `automations events ls --json` prints them or as the door takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from automations.errors import Location, Problem, Refused, RuleFileErrors
from automations.ingest import parse_json, read_event
from automations.ingest.native import moment
from automations.model.document import JsonValue
from automations.model.event import MAX_HOPS, Event

_SOURCE = "api"


def read_recorded(lines: Iterable[bytes], file: str) -> Sequence[Event]:
    """Read events in order of receipt; RuleFileErrors with every line that is no event.

    `received` is the one recorded, else `occurred`; an event without an id has its line's number.
    """
    events: list[Event] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            events.append(_read(parse_json(line), number))
        except Refused as refused:
            place = Location(file, number, 1)
            problems.append(Problem(refused.code, refused.message, place, refused.hint))
    if problems:
        raise RuleFileErrors(problems)
    return sorted(events, key=lambda event: event.received)


def _read(data: JsonValue, number: int) -> Event:
    if not isinstance(data, dict):
        raise Refused("an event is an object", code="wrong-type", status=422)
    fields = dict(data)
    told = fields.pop("received", None) or fields.get("occurred")
    if told is None:
        raise Refused("a recorded event has 'received' or 'occurred'", code="no-time", status=422)
    source, hops = fields.pop("source", _SOURCE), fields.pop("hops", 0)
    if not isinstance(source, str) or not isinstance(hops, int) or not 0 <= hops <= MAX_HOPS:
        raise Refused("'source' is text and 'hops' a small number", code="wrong-type", status=422)
    event = read_event(fields, source=source, received=moment(told), new_id=lambda: str(number))
    return replace(event, hops=hops)

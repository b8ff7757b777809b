"""Events from JSON lines to a door: in batches, each event under an id that a repetition keeps."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson

from automations.cli.client import ApiError
from automations.cli.json_lines import Line
from automations.errors import Refused
from automations.ingest import parse_json

_BATCH: Final = 100
_BATCH_BYTES: Final = 512 * 1024
"""Half of what a body may have; an event that is larger travels alone, and the engine judges it."""
_LINE_BYTES: Final = 1024 * 1024
"""More than any engine takes: not even sent."""


@dataclass(frozen=True, slots=True, order=True)
class RefusedLine:
    """Why a line was not taken."""

    line: int
    code: str
    detail: str


class Door(Protocol):
    """Where events are posted to: an engine, or a topic."""

    async def post_again(self, path: str, body: Any) -> Any:
        """Return the answer once what was accepted is durable."""
        ...


class EventStream:
    """Sends lines and counts what became of them. `report` is told of each refused line at once; `line` is the
    last one whose fate is known.
    """

    def __init__(self, door: Door, report: Callable[[RefusedLine], None]) -> None:
        self._door, self._report = door, report
        self.accepted = self.duplicates = self.refused = self.line = 0

    async def send(self, lines: Sequence[Line]) -> None:
        """Send the lines; returns once all that were accepted are durable. UnreachableError, ApiError."""
        for batch in _batches(lines):
            refused, events = _read_events(batch)
            if events:
                refused += await self._post(events)
            for line in sorted(refused):
                self._report(line)
            self.refused += len(refused)
            self.line = batch[-1].number

    async def _post(self, events: Sequence[Line]) -> list[RefusedLine]:
        try:
            answer = await self._door.post_again("/api/events", b"[%s]" % b",".join(e.text for e in events))
        except ApiError as error:
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(events) == 1:
                return [RefusedLine(events[0].number, error.code, error.message)]
            if "refused" not in error.document:
                raise
            answer = error.document
        self.accepted += answer["accepted"]
        self.duplicates += answer["duplicates"]
        return [RefusedLine(events[r["index"]].number, r["code"], r["detail"]) for r in answer["refused"]]


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    batch, size = list[Line](), 0
    for line in lines:
        if batch and (len(batch) == _BATCH or size + len(line.text) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.text)
    if batch:
        yield batch


def _read_events(lines: Sequence[Line]) -> tuple[list[RefusedLine], list[Line]]:
    """Give each event an id. The parser is the door's, so nothing that it refuses is mended in passing."""
    refused, events = list[RefusedLine](), list[Line]()
    for line in lines:
        if len(line.text) > _LINE_BYTES:
            refused.append(RefusedLine(line.number, "too-large", f"the line has more than {_LINE_BYTES} bytes"))
            continue
        try:
            event = parse_json(line.text)
        except Refused as error:
            refused.append(
                RefusedLine(line.number, error.code, "; ".join(filter(None, (error.message, error.hint))))
            )
            continue
        if isinstance(event, dict) and event.get("id") is None:
            event["id"] = uuid.uuid4().hex
        events.append(Line(line.number, orjson.dumps(event)))
    return refused, events

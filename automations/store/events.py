"""Events: the log that everything else refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

import orjson

from automations.errors import ConflictError, NotFoundError
from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, Event
from automations.ports import Page
from automations.store.listing import Listing, glob
from automations.store.multirow import MultiRow
from automations.store.readers import Reading
from automations.store.writing import Writing

EventKey = tuple[str, str]

_ADD: Final = MultiRow("INSERT INTO events (source, id, name, resource, received, body, trace) VALUES", 7)
# A join, because SQLite scans the whole index for `(id, source) IN (VALUES ...)`.
_WITH_KEYS: Final = "WITH wanted (source, id) AS (VALUES"
_KNOWN: Final = MultiRow(_WITH_KEYS, 2, ") SELECT source, id FROM wanted JOIN events USING (id, source)")
_BODIES: Final = MultiRow(_WITH_KEYS, 2, ") SELECT body FROM wanted JOIN events USING (id, source)")
_TRACE: Final = "SELECT trace FROM events WHERE id = ? AND source = ? AND trace IS NOT NULL"
_TRACES: Final = "SELECT steps FROM event_traces WHERE id = ? AND source = ? ORDER BY seq"
_FIRST: Final = "SELECT body FROM events ORDER BY seq LIMIT ?"
_BY_ID: Final = "SELECT body FROM events WHERE id = ? LIMIT 2"


class EventWrites(Writing):
    """Events, written."""

    def known_events(self, keys: Sequence[EventKey]) -> set[EventKey]:
        """Return those (source, id) that are stored already."""
        return set(_KNOWN.run(self._db, keys))

    def add_events(self, events: Sequence[Event], bodies: Sequence[bytes], traces: Sequence[bytes | None]) -> None:
        """Store accepted events (`bodies` are their canonical JSON, `traces` the JSON of what they reached);
        counts accepted and processed.
        """
        rows = [
            (event.source, event.id, event.name, event.resource.get(RESOURCE_ID, ""), event.received, body, trace)
            for event, body, trace in zip(events, bodies, traces, strict=True)
        ]
        _ADD.run(self._db, rows)
        self.tally["accepted"] += len(rows)
        self.tally["processed"] += len(rows)

    def first_events(self, limit: int) -> Sequence[Event]:
        """Return the events that were stored first."""
        return [_decode(row) for row in self._db.execute(_FIRST, [limit])]

    def forget_events(self, keys: Sequence[EventKey]) -> None:
        """Forget events: they are kept elsewhere."""
        self._db.executemany("DELETE FROM events WHERE source = ? AND id = ?", keys)

    def count_duplicates(self, number: int) -> None:
        """Add to the ledger's duplicates."""
        self.tally["duplicates"] += number


def load_events(db: Connection, keys: Iterable[EventKey]) -> Mapping[EventKey, Event]:
    """Return those of the events that are still stored."""
    found = (_decode(row) for row in _BODIES.run(db, list(set(keys))))
    return {event.key: event for event in found}


def _decode(row: tuple[bytes]) -> Event:
    return Event.from_dict(orjson.loads(row[0]))


_LISTING: Final = Listing("events", "body", lambda _db, rows: [_decode(row) for row in rows])


class EventReads(Reading):
    """Events, read."""

    async def event(self, ref: str) -> Event:
        """Find by `source/id`, or by a bare id while it is unique; NotFoundError, ConflictError."""
        return await self._read(lambda db: _find(db, ref))

    async def trace(self, event: Event) -> Sequence[JsonObject]:
        """Return what became of a stored event at each trigger that it reached; of an event that was evaluated
        several times, what became of it first.
        """
        key = [event.id, event.source]
        rows = await self._read(lambda db: [*db.execute(_TRACE, key), *db.execute(_TRACES, key)])
        first: dict[tuple[str, str], JsonObject] = {}
        for (steps,) in rows:
            for step in orjson.loads(steps):
                first.setdefault((step["automation"], step["trigger"]), step)
        return list(first.values())

    async def events(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        name: str | None = None,
        resource: str | None = None,
    ) -> Page:
        """Page of Event. `name` may hold `*`; `resource` is the whole id of the resource."""
        where: dict[str, Any] = {"name GLOB ?": glob(name), "resource = ?": resource}
        return await self._read(lambda db: _LISTING.page(db, limit=limit, cursor=cursor, where=where))


def _find(db: Connection, ref: str) -> Event:
    """Both parts of a reference may hold a slash, so each place where it could part is tried."""
    parted = load_events(db, [(ref[:i], ref[i + 1 :]) for i, sign in enumerate(ref) if sign == "/"])
    found = list(parted.values()) or [_decode(row) for row in db.execute(_BY_ID, [ref])]
    if not found:
        raise NotFoundError(f"there is no event {ref!r}", hint="name it as SOURCE/ID, or by an id alone")
    if len(found) > 1:
        raise ConflictError(
            f"several events have the id {ref!r}: " + ", ".join(repr(event.ref) for event in found),
            code="ambiguous",
            hint="name it as SOURCE/ID",
        )
    return found[0]

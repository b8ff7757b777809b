"""Firings. A firing refers to its events; their bodies stand in the log of events alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

import orjson

from automations.errors import NotFoundError
from automations.model.document import JsonObject
from automations.model.firing import Firing, FiringPart
from automations.model.reason import Reason
from automations.ports import Page, StoredFiring
from automations.store.events import EventKey, load_events
from automations.store.listing import Listing
from automations.store.multirow import MultiRow
from automations.store.readers import Reading
from automations.store.writing import Writing

_LISTED_EVENTS: Final = 20
"""Events that a listed firing carries at most; found by its id, it has all."""

_KNOWN: Final = MultiRow("WITH wanted (id) AS (VALUES", 1, ") SELECT id FROM wanted JOIN firings USING (id)")
_ADD: Final = MultiRow("INSERT INTO firings (id, automation, stored, body) VALUES", 4)
_ADD_EVENTS: Final = MultiRow("INSERT INTO firing_events (event, firing, stored) VALUES", 3)
_ONE: Final = "SELECT stored, body FROM firings WHERE id = ?"


class FiringWrites(Writing):
    """Firings, written."""

    def add_firings(self, firings: Sequence[Firing], now: int) -> set[str]:
        """Store firings; returns the ids that were new (a known id is left as it is and not counted)."""
        return self.add_firing_documents([firing.to_dict() for firing in firings], now)

    def add_firing_documents(self, firings: Sequence[JsonObject], now: int) -> set[str]:
        """The same, of what `Firing.to_dict` returned."""
        known = {row[0] for row in _KNOWN.run(self._db, [(firing["id"],) for firing in firings])}
        new = {firing["id"]: firing for firing in firings if firing["id"] not in known}
        rows = [(identity, f["automation"], now, orjson.dumps(f)) for identity, f in new.items()]
        _ADD.run(self._db, rows)
        behind = [("/".join(key), identity, now) for identity, f in new.items() for key in _all_keys(f)]
        _ADD_EVENTS.run(self._db, behind)
        suppressed = sum(firing["reason"] != Reason.FIRED for firing in new.values())
        self.tally["suppressed"] += suppressed
        self.tally["fired"] += len(new) - suppressed
        return set(new)


def _all_keys(firing: JsonObject) -> Iterable[EventKey]:
    """Of every event behind a firing, once each."""
    return dict.fromkeys([*_keys([firing["event"], *firing["events"]]), *_part_keys(firing["parts"])])


def _decode(db: Connection, rows: list[Any], most: int | None) -> list[StoredFiring]:
    """Rebuild firings with their last `most` events; what retention has taken is left out and marked."""
    bodies: list[JsonObject] = [orjson.loads(body) for _, body in rows]
    for body in bodies:
        body["kept"] = _keys(body["events"])[-most if most else 0 :]
        body["event"] = next(iter(_keys([body["event"]])), None)
    events = load_events(db, set[EventKey]().union(*map(_wanted, bodies)))
    complete = [_wanted(body) <= events.keys() for body in bodies]
    return [
        StoredFiring(_firing(body, events), stored, whole)
        for (stored, _), body, whole in zip(rows, bodies, complete, strict=True)
    ]


def _wanted(body: JsonObject) -> set[EventKey]:
    """The keys of all events that a firing, as it is listed, refers to."""
    return {key for key in [*body["kept"], body["event"]] if key}.union(_part_keys(body["parts"]))


def _keys(pairs: list[Any]) -> list[EventKey]:
    return [(pair[0], pair[1]) for pair in pairs if pair]


def _part_keys(parts: JsonObject) -> Iterator[EventKey]:
    for part in parts.values():
        yield from _keys([part["event"], *part["events"]])
        yield from _part_keys(part["parts"])


def _parts(parts: JsonObject, stored: Any) -> Mapping[str, FiringPart]:
    return {
        name: FiringPart(
            at=part["at"],
            labels=part["labels"],
            event=next((stored[key] for key in _keys([part["event"]]) if key in stored), None),
            events=tuple(stored[key] for key in _keys(part["events"]) if key in stored),
            parts=_parts(part["parts"], stored),
        )
        for name, part in parts.items()
    }


def _firing(body: JsonObject, stored: Any) -> Firing:
    kept = tuple(stored[key] for key in body.pop("kept") if key in stored)
    changes = {
        "event": stored.get(body["event"]),
        "events": kept,
        "truncated": body["truncated"] or len(kept) < len(body["events"]),
        "reason": Reason(body["reason"]),
        "parts": _parts(body["parts"], stored),
    }
    return Firing(**{**body, **changes})


_LISTING: Final = Listing("firings", "stored, body", lambda db, rows: _decode(db, rows, _LISTED_EVENTS))


class FiringReads(Reading):
    """Firings, read."""

    async def firings(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        automation: str | None = None,
        event: str | None = None,
    ) -> Page:
        """Page of StoredFiring, each with its last 20 events at most. `event` is `source/id`."""
        where = {
            "automation = ?": automation,
            "id IN (SELECT firing FROM firing_events WHERE event = ?)": event,
        }
        return await self._read(lambda db: _LISTING.page(db, limit=limit, cursor=cursor, where=where))

    async def firing(self, firing: str) -> StoredFiring:
        """Find by id, with all its events that are still stored; NotFoundError."""
        found = await self._read(lambda db: _decode(db, db.execute(_ONE, [firing]).fetchall(), None))
        if not found:
            raise NotFoundError(f"there is no firing {firing!r}")
        return found[0]

"""What only a read model writes: rows from records of a cluster, with the positions that they were read at.

Everything is idempotent towards the log: a row that is there already, or gone by retention, is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

import orjson

from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.ports import ActionOutcome, DeadLetter
from automations.store.dead_letters import DeadLetterWrites
from automations.store.events import EventKey, EventWrites
from automations.store.firings import FiringWrites
from automations.store.ledger import Count
from automations.store.multirow import MultiRow

Place = tuple[str, int]
"""(topic, partition)"""

_UNKNOWN_SINK: Final = ""
_OWN: Final = ("positions", "waiting_events", "event_traces")
_TAKEN: Final = ("events", "firings", "firing_events", "actions", "sink_errors", "dead_letters")
_ORIGIN: Final = "SELECT origin FROM read_model"
_SET_ORIGIN: Final = (
    "INSERT INTO read_model (only, origin) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET origin = excluded.origin"
)
_EMPTY_LEDGER: Final = "UPDATE ledger SET " + ", ".join(f"{name} = 0" for name in get_args(Count))
_ADVANCE: Final = (
    "INSERT INTO positions (topic, partition, position) VALUES (?, ?, ?)"
    " ON CONFLICT (topic, partition) DO UPDATE SET position = excluded.position"
)
_WAIT: Final = MultiRow("INSERT OR IGNORE INTO waiting_events (partition, position) VALUES", 2)
_PROCESSED: Final = "DELETE FROM waiting_events WHERE partition = ? AND position < ?"
_TRACES: Final = MultiRow("INSERT INTO event_traces (source, id, stored, steps) VALUES", 4)
_SETTLE: Final = (
    "UPDATE actions SET sink = ?, state = ?, attempts = ?, reference = ?, code = ?, error = ?, settled = ?"
    " WHERE id = ? AND state = 'pending' RETURNING length(request)"
)
_SINK_ERROR: Final = (
    "INSERT INTO sink_errors (sink, last_error, at) VALUES (?, ?, ?)"
    " ON CONFLICT (sink) DO UPDATE SET last_error = excluded.last_error, at = excluded.at"
)
_LETTER: Final = (
    "INSERT INTO dead_letters (id, kind, code, reason, created, automation, event, action_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
_CLOSE: Final = "UPDATE dead_letters SET state = ?, redriven_as = ? WHERE id = ?"
_GONE: Final = (
    "DELETE FROM dead_letters WHERE substr(id, 1, instr(id, '-') - 1) = ?"
    " AND CAST(substr(id, instr(id, '-') + 1) AS INTEGER) < ?"
)


class ReadModelWrites(EventWrites, FiringWrites, DeadLetterWrites):
    """A read model, written."""

    def read_from(self, origin: str) -> Mapping[Place, int]:
        """Return the positions of what was read from this origin. What came from another one is forgotten."""
        if self.read_model_origin() != origin:
            self.forget_read_model()
            self._db.execute(_SET_ORIGIN, [origin])
        rows = self._db.execute("SELECT topic, partition, position FROM positions")
        return {(topic, partition): position for topic, partition, position in rows}

    def read_model_origin(self) -> str | None:
        """Return what this is a read model of; None for a store of an engine's own."""
        row = self._db.execute(_ORIGIN).fetchone()
        return row[0] if row else None

    def forget_read_model(self) -> None:
        """Forget all that was read: it is to be read again."""
        for table in (*_OWN, *_TAKEN):
            self._db.execute(f"DELETE FROM {table}")
        self._db.execute(_EMPTY_LEDGER)

    def advance(self, positions: Mapping[Place, int]) -> None:
        """Remember where to read on."""
        self._db.executemany(_ADVANCE, [(*place, position) for place, position in positions.items()])

    def add_waiting_events(self, events: Sequence[tuple[Event, bytes, tuple[int, int]]]) -> Sequence[Event]:
        """Store accepted events, each with its canonical JSON and its place (partition, offset), as not processed
        yet. Returns those that are new; the others are counted as duplicates.
        """
        known = self.known_events([event.key for event, *_ in events])
        new: dict[EventKey, tuple[Event, bytes, tuple[int, int]]] = {}
        for each in events:
            if each[0].key not in known:
                new.setdefault(each[0].key, each)
        self.add_events([e for e, *_ in new.values()], [body for _, body, _ in new.values()], [None] * len(new))
        self.tally["processed"] -= len(new)
        self.tally["duplicates"] += len(events) - len(new)
        _WAIT.run(self._db, [place for *_, place in new.values()])
        return [event for event, *_ in new.values()]

    def events_processed(self, before: Mapping[int, int]) -> None:
        """Count the events that stand before these offsets, by partition, as processed."""
        for partition, position in before.items():
            self.tally["processed"] += self._db.execute(_PROCESSED, [partition, position]).rowcount

    def add_traces(self, traces: Sequence[tuple[EventKey, Sequence[JsonObject]]], now: int) -> None:
        """Store what became of events."""
        _TRACES.run(self._db, [(*key, now, orjson.dumps(steps)) for key, steps in traces])

    def add_planned(self, actions: Sequence[ActionRequest | FailedAction], now: int) -> None:
        """Store actions: requests as pending, for a sink that is known once they are settled, failures as dead.
        Their letters come by themselves.
        """
        self._plan([(action, _UNKNOWN_SINK) for action in actions], now)

    def settle_action(self, outcome: ActionOutcome) -> None:
        """Record what became of a pending action."""
        o = outcome
        values = [o.sink, o.state, o.attempts, o.reference, o.code, o.error, o.at, o.action]
        rows = self._db.execute(_SETTLE, values).fetchall()
        for (size,) in rows:
            self.tally[o.state] += 1
            self.tally["backlog_bytes"] -= size
            if o.error is not None:
                self._db.execute(_SINK_ERROR, [o.sink, o.error, o.at])

    def add_letter(self, letter: DeadLetter, action: str | None) -> None:
        """Store a dead letter, open; `action` is the id of the action that it is about."""
        kept = (
            letter.id,
            letter.kind,
            letter.code,
            letter.reason,
            letter.created,
            letter.automation,
            letter.event,
        )
        self._db.execute(_LETTER, [*kept, action])

    def close_letter(self, letter: str, state: str, redriven_as: str | None) -> None:
        """Record what was decided about a letter."""
        self._db.execute(_CLOSE, [state, redriven_as, letter])

    def forget_letters(self, before: Mapping[int, int]) -> None:
        """Forget the letters that stand before these offsets, by partition: their topic has, too."""
        self._db.executemany(_GONE, [(str(partition), offset) for partition, offset in before.items()])

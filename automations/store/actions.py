"""The outbox: actions from planned to settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from sqlite3 import Connection
from typing import Any, Final

import orjson

from automations.errors import ConflictError
from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.ports import ActionRow, Page
from automations.store.listing import Listing
from automations.store.multirow import MultiRow
from automations.store.readers import Reading
from automations.store.writing import Writing

_FIELDS: Final = tuple(field.name for field in fields(ActionRow))
_COLUMNS: Final = ", ".join(_FIELDS)
_BY_IDS: Final = MultiRow(
    "WITH wanted (id) AS (VALUES", 1, f") SELECT {_COLUMNS} FROM wanted JOIN actions USING (id)"
)
_KNOWN: Final = MultiRow("WITH wanted (id) AS (VALUES", 1, ") SELECT id FROM wanted JOIN actions USING (id)")
_ADD: Final = MultiRow(
    "INSERT INTO actions (id, sink, state, type, automation, firing, cause, created, next_attempt,"
    " request, code, error, settled) VALUES",
    13,
)
_DUE: Final = (
    f"SELECT {_COLUMNS} FROM actions WHERE sink = ? AND state = 'pending' AND next_attempt <= ?"
    " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY next_attempt, seq LIMIT ?"
)
_PREPARED: Final = "UPDATE actions SET prepared = ? WHERE id = ? AND state = 'pending' RETURNING id"
_DELIVERED: Final = (
    "UPDATE actions SET state = 'delivered', attempts = attempts + 1, reference = ?, settled = ?"
    " WHERE id = ? AND state = 'pending' RETURNING length(request)"
)
_RETRY: Final = (
    "UPDATE actions SET attempts = attempts + 1, error = ?, next_attempt = ?"
    " WHERE id = ? AND state = 'pending' RETURNING sink"
)
_DEAD: Final = (
    "UPDATE actions SET state = 'dead', attempts = attempts + 1, code = ?, error = ?, settled = ?"
    " WHERE id = ? AND state = 'pending' RETURNING length(request), sink"
)
_LETTER: Final = (
    "INSERT INTO dead_letters (id, kind, code, reason, created, automation, event)"
    " SELECT id, 'action', code, error, settled, automation, cause FROM actions WHERE id = ?"
)
_FORGET: Final = (
    "DELETE FROM actions WHERE state = 'pending' AND {} IN (SELECT value FROM json_each(?))"
    " RETURNING length(request)"
)
_SINK_ERROR: Final = (
    "INSERT INTO sink_errors (sink, last_error, at) VALUES (?, ?, ?)"
    " ON CONFLICT (sink) DO UPDATE SET last_error = excluded.last_error, at = excluded.at"
)
_SINKS: Final = (
    "SELECT sink, sum(pending), max(last_error), max(at) FROM ("
    " SELECT sink, count(*) AS pending, NULL AS last_error, NULL AS at FROM actions"
    " WHERE state = 'pending' GROUP BY sink"
    " UNION ALL SELECT sink, 0, last_error, at FROM sink_errors) WHERE sink <> '' GROUP BY sink"
)


class ActionWrites(Writing):
    """Actions, written. To settle one that is not pending is a ConflictError: it has its outcome."""

    def add_actions(self, actions: Sequence[tuple[ActionRequest | FailedAction, str]], now: int) -> None:
        """Store (action, sink name) pairs: requests as pending, failures as dead with a dead letter. One whose id
        is known is left as it is and not counted.
        """
        failed = self._plan(actions, now)
        self._db.executemany(_LETTER, [(action,) for action in failed])

    def _plan(self, actions: Sequence[tuple[ActionRequest | FailedAction, str]], now: int) -> Sequence[str]:
        """Store those that are new; returns the ids of those that failed."""
        known = {row[0] for row in _KNOWN.run(self._db, [(action.id,) for action, _ in actions])}
        new = {action.id: (action, sink) for action, sink in actions if action.id not in known}
        rows = [_encode(action, sink, now) for action, sink in new.values()]
        _ADD.run(self._db, rows)
        failed = [action.id for action, _ in new.values() if isinstance(action, FailedAction)]
        self.tally["planned"] += len(new)
        self.tally["dead"] += len(failed)
        self.tally["backlog_bytes"] += sum(len(row[_REQUEST] or b"") for row in rows)
        return failed

    def due_actions(self, sink: str, now: int, limit: int, exclude: Iterable[str]) -> Sequence[ActionRow]:
        """Return pending actions of a sink whose next attempt is due, oldest first, but for `exclude`."""
        rows = self._db.execute(_DUE, [sink, now, orjson.dumps(list(exclude)).decode(), limit]).fetchall()
        return [_decode(row) for row in rows]

    def settled_actions(self, actions: Sequence[str]) -> Sequence[ActionRow]:
        """Return those of the actions that are not pending any more."""
        return [row for row in load_actions(self._db, actions).values() if row.state != "pending"]

    def store_prepared(self, action: str, prepared: JsonObject) -> None:
        """Keep the prepared request before it is sent."""
        self._settle(_PREPARED, [orjson.dumps(prepared), action])

    def action_delivered(self, action: str, reference: str, now: int) -> None:
        """Settle as delivered."""
        (size,) = self._settle(_DELIVERED, [reference, now, action])
        self.tally["delivered"] += 1
        self.tally["backlog_bytes"] -= size

    def action_retry(self, action: str, error: str, next_attempt: int) -> None:
        """Count an attempt and set the moment of the next one."""
        (sink,) = self._settle(_RETRY, [error, next_attempt, action])
        self._db.execute(_SINK_ERROR, [sink, error, self._clock.now()])

    def action_dead(self, action: str, code: str, reason: str, now: int) -> None:
        """Settle as dead and make the dead letter (its id is the action's id)."""
        size, sink = self._settle(_DEAD, [code, reason, now, action])
        self._db.execute(_LETTER, [action])
        self._db.execute(_SINK_ERROR, [sink, reason, now])
        self.tally["dead"] += 1
        self.tally["backlog_bytes"] -= size

    def forget_actions(self, actions: Sequence[str]) -> None:
        """Forget those of the actions that are pending, as if they had never been planned."""
        self._forget("id", actions)

    def forget_actions_of(self, sinks: Collection[str]) -> None:
        """Forget all that is pending for these sinks, as if it had never been planned."""
        self._forget("sink", sinks)

    def _forget(self, column: str, values: Collection[str]) -> None:
        rows = self._db.execute(_FORGET.format(column), [orjson.dumps([*values]).decode()])
        sizes = [size for (size,) in rows.fetchall()]
        self.tally["planned"] -= len(sizes)
        self.tally["backlog_bytes"] -= sum(sizes)

    def _settle(self, statement: str, values: list[Any]) -> Any:
        """`values` end with the action's id."""
        rows = self._db.execute(statement, values).fetchall()
        if not rows:
            raise ConflictError(f"the action {values[-1]!r} is not pending", code="action-settled")
        return rows[0]


_REQUEST: Final = 9
"""Where `_encode` puts the rendered request."""


def _encode(action: ActionRequest | FailedAction, sink: str, now: int) -> tuple[Any, ...]:
    common = (action.type, action.automation, action.firing, action.cause, now, now)
    if isinstance(action, FailedAction):
        return (action.id, sink, "dead", *common, None, action.code, action.message, now)
    return (action.id, sink, "pending", *common, orjson.dumps(action.to_dict()), None, None, None)


def _decode(row: tuple[Any, ...]) -> ActionRow:
    values = dict(zip(_FIELDS, row, strict=True))
    request, prepared = values["request"], values["prepared"]
    values["request"] = ActionRequest.from_dict(orjson.loads(request)) if request else None
    values["prepared"] = orjson.loads(prepared) if prepared else None
    return ActionRow(**values)


def load_actions(db: Connection, ids: Sequence[str]) -> Mapping[str, ActionRow]:
    """Return those of the actions that are still stored, by id."""
    return {row[0]: _decode(row) for row in _BY_IDS.run(db, [(action,) for action in ids])}


_LISTING: Final = Listing("actions", _COLUMNS, lambda _db, rows: [_decode(row) for row in rows])


class ActionReads(Reading):
    """Actions, read."""

    async def actions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        automation: str | None = None,
        firing: str | None = None,
    ) -> Page:
        """Page of ActionRow."""
        where = {"state = ?": state, "automation = ?": automation, "firing = ?": firing}
        return await self._read(lambda db: _LISTING.page(db, limit=limit, cursor=cursor, where=where))

    async def sink_errors(self) -> Mapping[str, JsonObject]:
        """Return sink → {"pending", "last_error", "at"}; `at` is a moment, both None where nothing failed yet."""
        rows = await self._read(lambda db: db.execute(_SINKS).fetchall())
        return {sink: {"pending": n, "last_error": error, "at": at} for sink, n, error, at in rows}

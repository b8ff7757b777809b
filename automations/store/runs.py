"""Runs of deployments, and their output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from sqlite3 import Connection
from typing import Any, Final

import orjson

from automations.errors import ConflictError, NotFoundError
from automations.model.job import LogLine, Run, RunSpec, RunState
from automations.ports import Page
from automations.store.listing import Listing
from automations.store.multirow import MultiRow
from automations.store.readers import Reading
from automations.store.writing import Writing

_PREFIX: Final = 6
"""The shortest beginning of an id that may stand for it."""

_FIELDS: Final = tuple(field.name for field in fields(Run))
_COLUMNS: Final = ", ".join(_FIELDS)
_ADD: Final = (
    "INSERT INTO runs (id, name, deployment, work_pool, automation, idempotency_key, due, state, created, spec)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'Scheduled', ?, ?) ON CONFLICT DO NOTHING"
)
_BY_KEY: Final = "SELECT id FROM runs WHERE deployment = ? AND idempotency_key = ?"
_CLAIM: Final = (
    "UPDATE runs SET state = 'Pending' WHERE seq IN (SELECT seq FROM runs"
    " WHERE work_pool = ? AND state = 'Scheduled' AND due <= ? ORDER BY due, seq LIMIT ?)"
    f" RETURNING due, seq, {_COLUMNS}"
)
_CHANGE: Final = (
    "UPDATE runs SET state = :state, message = :message,"
    " started = CASE WHEN :state = 'Running' THEN coalesce(started, :now) ELSE started END,"
    " ended = CASE WHEN :terminal THEN :now END,"
    " exit_code = coalesce(:exit_code, exit_code), pid = coalesce(:pid, pid)"
    f" WHERE id = :id AND ended IS NULL RETURNING {_COLUMNS}"
)
_CANCEL: Final = f"UPDATE runs SET cancel_requested = 1 WHERE id = :id AND ended IS NULL RETURNING {_COLUMNS}"
_STATE: Final = "SELECT state FROM runs WHERE id = ?"
_UNFINISHED: Final = f"SELECT {_COLUMNS} FROM runs WHERE state IN ('Pending', 'Running') ORDER BY seq"
_ADD_LOGS: Final = MultiRow("INSERT INTO run_logs (run, at, stream, text) VALUES", 4)
_LOGS: Final = "SELECT seq, run, at, stream, text FROM run_logs WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
_BY_ID: Final = f"SELECT {_COLUMNS} FROM runs WHERE id = ?"
_BY_PREFIX_OR_NAME: Final = (
    f"SELECT {_COLUMNS} FROM runs"
    " WHERE (id >= :ref AND id < :ref || char(1114111) AND :prefix) OR name = :ref LIMIT 2"
)


class RunWrites(Writing):
    """Runs and logs, written."""

    def add_run(self, spec: RunSpec, now: int) -> bool:
        """Store a run as Scheduled; False when its id, or its idempotency key for that deployment, exists."""
        due = now if spec.scheduled_for is None else spec.scheduled_for
        keys = (spec.id, spec.name, spec.deployment, spec.work_pool, spec.automation, spec.idempotency_key)
        return self._db.execute(_ADD, [*keys, due, now, orjson.dumps(spec.to_dict())]).rowcount == 1

    def run_by_key(self, deployment: str, idempotency_key: str) -> str | None:
        """Return the id of the run that was made with this key."""
        row = self._db.execute(_BY_KEY, [deployment, idempotency_key]).fetchone()
        return None if row is None else str(row[0])

    def claim_runs(self, work_pool: str, now: int, limit: int) -> Sequence[Run]:
        """Move due Scheduled runs to Pending, oldest first, and return them."""
        rows = self._db.execute(_CLAIM, [work_pool, now, limit]).fetchall()
        return [_decode(row[2:]) for row in sorted(rows, key=lambda row: row[:2])]

    def set_run_state(
        self,
        run: str,
        state: RunState,
        now: int,
        *,
        message: str = "",
        exit_code: int | None = None,
        pid: int | None = None,
    ) -> Run:
        """Change the state (sets started at Running, ended at a terminal one) and return the run as it is now;
        ConflictError when the run has ended, NotFoundError.
        """
        return self._change(
            _CHANGE,
            {
                "id": run,
                "state": state,
                "terminal": state.terminal,
                "now": now,
                "message": message,
                "exit_code": exit_code,
                "pid": pid,
            },
        )

    def request_cancel(self, run: str) -> Run:
        """Mark a run that has not ended for cancelling; ConflictError when it has ended."""
        return self._change(_CANCEL, {"id": run})

    def _change(self, statement: str, values: dict[str, Any]) -> Run:
        rows = self._db.execute(statement, values).fetchall()
        if rows:
            return _decode(rows[0])
        found = self._db.execute(_STATE, [values["id"]]).fetchone()
        if found is None:
            raise _not_found(values["id"])
        raise ConflictError(f"the run {values['id']!r} has ended: {found[0]}", code="run-ended")

    def unfinished_runs(self) -> Sequence[Run]:
        """Return runs in Pending or Running: after a start, those whose fate is unknown."""
        return [_decode(row) for row in self._db.execute(_UNFINISHED).fetchall()]

    def add_logs(self, lines: Sequence[LogLine]) -> None:
        """Append output."""
        _ADD_LOGS.run(self._db, [(line.run, line.at, line.stream, line.text) for line in lines])


def _not_found(run: str) -> NotFoundError:
    return NotFoundError(
        f"there is no run {run!r}", hint=f"name it by its id, the first {_PREFIX} or more of it, or its name"
    )


def _decode(row: Sequence[Any]) -> Run:
    values = dict(zip(_FIELDS, row, strict=True))
    changes = {
        "spec": RunSpec.from_dict(orjson.loads(values["spec"])),
        "state": RunState(values["state"]),
        "cancel_requested": bool(values["cancel_requested"]),
    }
    return Run(**{**values, **changes})


_LISTING: Final = Listing("runs", _COLUMNS, lambda _db, rows: [_decode(row) for row in rows])


class RunReads(Reading):
    """Runs and logs, read."""

    async def runs(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        deployment: str | None = None,
        automation: str | None = None,
    ) -> Page:
        """Page of Run."""
        where = {"state = ?": state, "deployment = ?": deployment, "automation = ?": automation}
        return await self._read(lambda db: _LISTING.page(db, limit=limit, cursor=cursor, where=where))

    async def run(self, run: str) -> Run:
        """Find by id, by a unique prefix of at least 6 characters, or by name; NotFoundError, ConflictError."""
        return await self._read(lambda db: _find(db, run))

    async def logs(self, run: str, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, LogLine]]:
        """Return (number, line) pairs with a number above `after`, in order. Numbers grow, with gaps."""
        rows = await self._read(lambda db: db.execute(_LOGS, [run, after, limit]).fetchall())
        return [(row[0], LogLine(*row[1:])) for row in rows]


def _find(db: Connection, ref: str) -> Run:
    found = db.execute(_BY_ID, [ref]).fetchall()
    if not found:
        found = db.execute(_BY_PREFIX_OR_NAME, {"ref": ref, "prefix": len(ref) >= _PREFIX}).fetchall()
    if not found:
        raise _not_found(ref)
    if len(found) > 1:
        raise ConflictError(f"several runs answer to {ref!r}", code="ambiguous", hint="use the whole id")
    return _decode(found[0])

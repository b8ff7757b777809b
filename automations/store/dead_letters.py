"""Dead letters: what could not be carried out, until somebody decides."""

from __future__ import annotations

from dataclasses import fields
from sqlite3 import Connection
from typing import Any, Final

from automations.errors import ConflictError, NotFoundError
from automations.model.action import ActionRequest
from automations.model.event import Event
from automations.ports import DeadLetter, Page
from automations.store.actions import ActionWrites, load_actions
from automations.store.listing import Listing
from automations.store.readers import Reading

_FIELDS: Final = tuple(field.name for field in fields(DeadLetter) if field.name != "action")
_COLUMNS: Final = ", ".join([*_FIELDS, "coalesce(action_id, id)"])
_ONE: Final = f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ?"
# An event may break several automations: one letter tells of all.
_ADD: Final = (
    "INSERT INTO dead_letters (id, kind, code, reason, created, event) VALUES (?, 'event', ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET reason = reason || '; ' || excluded.reason"
)
_CLOSE: Final = "UPDATE dead_letters SET state = ?, redriven_as = ? WHERE id = ? AND state = 'open' RETURNING kind"
_STATE: Final = "SELECT state FROM dead_letters WHERE id = ?"


class DeadLetterWrites(ActionWrites):
    """Dead letters, written. What is redriven or discarded stays counted as dead; a redrive plans a new action."""

    def add_dead_event(self, event: Event, code: str, reason: str, now: int) -> None:
        """Record an event whose evaluation failed; the dead letter's id is `event.ref`."""
        self._db.execute(_ADD, [event.ref, code, reason, now, event.ref])

    def redrive(self, dead_letter: str, new_action: ActionRequest, sink: str, now: int) -> None:
        """Mark an open action dead letter as redriven and plan `new_action`; ConflictError when it is not
        open, or when an action of the new id exists.
        """
        if self._close(dead_letter, "redriven", new_action.id) != "action":
            raise ConflictError(
                f"the dead letter {dead_letter!r} is an event, not an action", code="not-redrivable"
            )
        planned = self.tally["planned"]
        self.add_actions([(new_action, sink)], now)
        if self.tally["planned"] == planned:  # to close the letter without a new action would lose it
            raise ConflictError(f"the action {new_action.id!r} exists already", code="action-exists")

    def discard(self, dead_letter: str) -> None:
        """Mark an open dead letter as discarded; ConflictError when it is not open."""
        self._close(dead_letter, "discarded", None)

    def _close(self, dead_letter: str, state: str, redriven_as: str | None) -> str:
        rows = self._db.execute(_CLOSE, [state, redriven_as, dead_letter]).fetchall()
        if rows:
            kind: str = rows[0][0]
            return kind
        found = self._db.execute(_STATE, [dead_letter]).fetchone()
        if found is None:
            raise _not_found(dead_letter)
        raise ConflictError(f"the dead letter {dead_letter!r} is {found[0]} already", code="not-open")


def _not_found(dead_letter: str) -> NotFoundError:
    return NotFoundError(f"there is no dead letter {dead_letter!r}")


def _decode(db: Connection, rows: list[Any]) -> list[DeadLetter]:
    actions = load_actions(db, [row[-1] for row in rows if row[1] == "action"])
    return [DeadLetter(**dict(zip(_FIELDS, row[:-1], strict=True)), action=actions.get(row[-1])) for row in rows]


_LISTING: Final = Listing("dead_letters", _COLUMNS, _decode)


class DeadLetterReads(Reading):
    """Dead letters, read."""

    async def dead_letters(
        self, *, limit: int = 50, cursor: str | None = None, state: str | None = "open"
    ) -> Page:
        """Page of DeadLetter."""
        where = {"state = ?": state}
        return await self._read(lambda db: _LISTING.page(db, limit=limit, cursor=cursor, where=where))

    async def dead_letter(self, dead_letter: str) -> DeadLetter:
        """Find one; NotFoundError."""
        found = await self._read(lambda db: _decode(db, db.execute(_ONE, [dead_letter]).fetchall()))
        if not found:
            raise _not_found(dead_letter)
        return found[0]

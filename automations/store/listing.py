"""Listings, newest first, in pages that stay put while new rows come in."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any, Final

from automations.errors import BadCursorError
from automations.ports import Page

_LAST: Final = 2**63 - 1
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Listing:
    """A table as a listing. `decode` makes items of rows, which hold `columns` after their `seq`."""

    table: str
    columns: str
    decode: Callable[[Connection, list[Any]], list[Any]]

    def page(self, db: Connection, *, limit: int, cursor: str | None, where: Mapping[str, object | None]) -> Page:
        """Return the rows below the cursor. `where` maps SQL conditions to values; those of None do not filter."""
        wanted = {condition: value for condition, value in where.items() if value is not None}
        statement = " ".join(
            [
                "SELECT seq,",
                self.columns,
                "FROM",
                self.table,
                "WHERE",
                " AND ".join(["seq < ?", *wanted]),
                "ORDER BY seq DESC LIMIT ?",
            ]
        )
        values = [self._position(cursor), *wanted.values(), limit + 1]
        rows = db.execute(statement, values).fetchall()
        more = self._cursor(rows[limit - 1][0]) if len(rows) > limit else None
        return Page(self.decode(db, [row[1:] for row in rows[:limit]]), more)

    def _cursor(self, position: int) -> str:
        return base64.urlsafe_b64encode(f"{self.table}:{position}".encode()).decode()

    def _position(self, cursor: str | None) -> int:
        if cursor is None:
            return _LAST
        try:
            table, _, position = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            table, position = "", ""
        if table != self.table or not position.isdecimal() or len(position) > _DIGITS:
            raise BadCursorError(
                f"{cursor[:64]!r} is no cursor of this listing", hint="hand in the 'next' of a page, unchanged"
            )
        return int(position)


def glob(pattern: str | None) -> str | None:
    """Turn a pattern whose only wildcard is `*` into SQLite's GLOB."""
    return None if pattern is None else pattern.replace("[", "[[]").replace("?", "[?]")

"""One statement for many rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from sqlite3 import Connection
from typing import Any, Final

_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows a statement. Few sizes, so that the connection's cache holds each statement ready."""


class MultiRow:
    """A statement around a list of `VALUES`, run in few steps: at each step of a statement the interpreter's lock
    changes hands, and a busy thread beside us then costs up to 5 ms.
    """

    def __init__(self, before: str, columns: int, after: str = "") -> None:
        row = f"({','.join('?' * columns)})"
        self._statements = [(size, f"{before} {','.join([row] * size)} {after}") for size in _SIZES]

    def run(self, db: Connection, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run over all rows; returns what the statements yield, as tuples."""
        found: list[Any] = []
        start = 0
        for size, statement in self._statements:
            while len(rows) - start >= size:
                values = list(chain.from_iterable(rows[start : start + size]))
                found += db.execute(statement, values).fetchall()
                start += size
        return found

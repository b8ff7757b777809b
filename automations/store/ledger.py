"""The ledger: counts that are committed with what they count."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from sqlite3 import Connection
from typing import Final, Literal

from automations.ports import Ledger
from automations.store.readers import Reading

Count = Literal[
    "accepted",
    "processed",
    "duplicates",
    "planned",
    "delivered",
    "dead",
    "fired",
    "suppressed",
    "backlog_bytes",
]
Tally = Counter[Count]
"""What one operation adds to the ledger. It is dropped when the operation is rolled back."""

_COLUMNS: Final = [field.name for field in fields(Ledger)]
_ADD: Final = "UPDATE ledger SET " + ", ".join(f"{name} = {name} + :{name}" for name in _COLUMNS)
_READ: Final = "SELECT " + ", ".join(_COLUMNS) + " FROM ledger"


def add_to_ledger(db: Connection, tally: Tally) -> None:
    """Add a group's counts, in its transaction."""
    if any(tally.values()):
        db.execute(_ADD, dict.fromkeys(_COLUMNS, 0) | dict(tally))


class LedgerReads(Reading):
    """The ledger, read."""

    async def ledger(self) -> Ledger:
        """Return the counts, all from one snapshot."""
        return await self._read(lambda db: Ledger(*db.execute(_READ).fetchone()))

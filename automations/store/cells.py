"""Cells: the state of a trigger, one for each automation and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from automations.engine import CellKey
from automations.store.multirow import MultiRow
from automations.store.writing import Writing

_LOAD: Final = MultiRow(
    "WITH wanted (automation, grouping) AS (VALUES",
    2,
    ") SELECT automation, grouping, state FROM wanted JOIN cells USING (automation, grouping)",
)
_SAVE: Final = MultiRow(
    "INSERT INTO cells (automation, grouping, state, deadline, saved) VALUES",
    5,
    "ON CONFLICT (automation, grouping) DO UPDATE"
    " SET state = excluded.state, deadline = excluded.deadline, saved = excluded.saved",
)
_DUE: Final = "SELECT deadline, automation, grouping FROM cells WHERE deadline <= ? ORDER BY deadline LIMIT ?"
_NEXT: Final = "SELECT min(deadline) FROM cells WHERE deadline IS NOT NULL"
# From name to name: DISTINCT would walk all cells.
_NAMES: Final = """
WITH RECURSIVE names (name) AS (
    SELECT min(automation) FROM cells
    UNION ALL
    SELECT (SELECT min(automation) FROM cells WHERE automation > name) FROM names WHERE name IS NOT NULL
) SELECT name FROM names WHERE name IS NOT NULL"""
_FORGET_ALL: Final = "DELETE FROM cells WHERE automation = ?"
_IDLE: Final = """
DELETE FROM cells WHERE (automation, grouping) IN (
    SELECT automation, grouping FROM cells WHERE deadline IS NULL AND saved < ? LIMIT 1000
)"""
_FORGET: Final = "DELETE FROM cells WHERE automation = ? AND grouping = ?"


class CellWrites(Writing):
    """Cells, which only transactions touch."""

    def load_cells(self, keys: Sequence[CellKey]) -> Mapping[CellKey, bytes]:
        """Return the stored states of those cells that exist."""
        return {(automation, group): state for automation, group, state in _LOAD.run(self._db, keys)}

    def save_cells(self, cells: Mapping[CellKey, tuple[bytes | None, int | None]], now: int) -> None:
        """Store (state, deadline or None) per cell; a state of None forgets the cell."""
        kept = [(*key, state, deadline, now) for key, (state, deadline) in cells.items() if state is not None]
        _SAVE.run(self._db, kept)
        self._db.executemany(_FORGET, [key for key, (state, _) in cells.items() if state is None])

    def due_cells(self, moment: int, limit: int) -> Sequence[tuple[int, CellKey]]:
        """Return (deadline, key) of the cells that are due at `moment`, the earliest first."""
        rows = self._db.execute(_DUE, [moment, limit])
        return [(deadline, (automation, group)) for deadline, automation, group in rows]

    def next_deadline(self) -> int | None:
        """Return the earliest deadline of all cells."""
        earliest: int | None = self._db.execute(_NEXT).fetchone()[0]
        return earliest

    def automations_with_cells(self) -> set[str]:
        """Return the names of the automations that have state."""
        return {row[0] for row in self._db.execute(_NAMES)}

    def forget_cells(self, automation: str) -> None:
        """Forget all state of an automation."""
        self._db.execute(_FORGET_ALL, [automation])

    def forget_idle_cells(self, before: int) -> bool:
        """Forget up to 1,000 cells that nothing has reached since `before` and that wait for nothing; True when
        there may be more.
        """
        return self._db.execute(_IDLE, [before]).rowcount > 0

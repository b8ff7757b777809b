"""Cells: the state of a trigger, one for each automation and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from automations.ports import CellKey
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

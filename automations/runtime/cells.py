"""A bounded memory of decoded cell states in front of the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from automations.engine import CellKey
from automations.engine.batch import Kept
from automations.model.document import JsonObject
from automations.ports import Transaction

_CELLS_KEPT: Final = 50_000
"""Decoded cells kept in memory; the rest is read from the store when an event asks for it."""


class Cells:
    """Invariant: it never holds what was rolled back; after anything that failed it is emptied."""

    def __init__(self) -> None:
        self._states: OrderedDict[CellKey, JsonObject | None] = OrderedDict()

    def clear(self) -> None:
        """Forget everything: the store is the truth."""
        self._states.clear()

    def load(self, tx: Transaction, keys: Sequence[CellKey]) -> dict[CellKey, JsonObject | None]:
        """Return the states of these cells, None for those that do not exist."""
        missing = [key for key in keys if key not in self._states]
        stored = tx.load_cells(missing) if missing else {}
        loaded = {key: orjson.loads(stored[key]) if key in stored else None for key in missing}
        return {key: loaded[key] if key in loaded else self._states[key] for key in keys}

    def save(self, tx: Transaction, cells: Mapping[CellKey, Kept], now: int) -> None:
        """Store changed cells, and remember them."""
        encoded = {key: (orjson.dumps(state) if state else None, due) for key, (state, due) in cells.items()}
        tx.save_cells(encoded, now)
        for key, (state, _) in cells.items():
            self._states[key] = state
            self._states.move_to_end(key)
        while len(self._states) > _CELLS_KEPT:
            self._states.popitem(last=False)

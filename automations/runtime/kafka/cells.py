"""The state of one partition: what its changelog says, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final

import orjson

from automations.engine import CellKey
from automations.engine.batch import Kept
from automations.model.document import JsonObject
from automations.runtime.kafka.records import CellRecord

_SLACK: Final = 1_000
"""Passed deadlines that the heap may hold beyond as many as there are."""


class Cells:
    """Invariant: a cell that waits stands in the heap with its deadline. What else stands there (a deadline that
    the cell has no longer) is passed over.
    """

    def __init__(self) -> None:
        self._states: dict[CellKey, bytes] = {}
        self._deadlines: dict[CellKey, int] = {}
        self._heap: list[tuple[int, CellKey]] = []

    def __len__(self) -> int:
        return len(self._states)

    def restore(self, record: CellRecord) -> None:
        """Take a record of the changelog; `restored` follows the last."""
        self._put(record)

    def restored(self) -> None:
        """Every deadline is known."""
        self._rebuild()

    def load(self, keys: Sequence[CellKey]) -> dict[CellKey, JsonObject | None]:
        """Return the states of these cells, None for those that do not exist."""
        return {key: orjson.loads(raw) if (raw := self._states.get(key)) else None for key in keys}

    def save(self, changed: Mapping[CellKey, Kept]) -> Sequence[CellRecord]:
        """Take the changed cells; returns what the changelog must say of them. A cell that was not and is not
        leaves no record.
        """
        records = [
            CellRecord(key, orjson.dumps(state) if state else None, due)
            for key, (state, due) in changed.items()
            if state or key in self._states
        ]
        for record in records:
            before = self._deadlines.get(record.cell)
            self._put(record)
            if record.state is not None and record.due is not None and record.due != before:
                heappush(self._heap, (record.due, record.cell))
        if len(self._heap) > 2 * len(self._deadlines) + _SLACK:
            self._rebuild()
        return records

    def take_due(self, moment: int, limit: int) -> list[tuple[int, CellKey]]:
        """Take up to `limit` cells that are due at `moment`, the earliest first. Each must be saved again."""
        due: list[tuple[int, CellKey]] = []
        while self._heap and self._heap[0][0] <= moment and len(due) < limit:
            deadline, key = heappop(self._heap)
            if self._deadlines.get(key) == deadline:
                del self._deadlines[key]
                due.append((deadline, key))
        return due

    def next_deadline(self) -> int | None:
        """Return the earliest deadline of all cells."""
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def forget_but(self, automations: set[str]) -> Sequence[CellKey]:
        """Forget the cells of all other automations; returns their keys."""
        gone = [key for key in self._states if key[0] not in automations]
        for key in gone:
            self._put(CellRecord(key, None))
        return gone

    def forget_idle(self, before: int, limit: int) -> Sequence[CellKey]:
        """Look at the `limit` cells that were touched longest ago, and forget those that nothing has reached since
        `before` and that wait for nothing; returns their keys.
        """
        gone: list[CellKey] = []
        for key, raw in list(islice(self._states.items(), limit)):
            if orjson.loads(raw)["clock"] >= before:
                break
            if key in self._deadlines:
                self._states[key] = self._states.pop(key)  # those behind it get their turn
            else:
                gone.append(key)
        for key in gone:
            self._put(CellRecord(key, None))
        return gone

    def _rebuild(self) -> None:
        self._heap = [(due, key) for key, due in self._deadlines.items()]
        heapify(self._heap)

    def _put(self, record: CellRecord) -> None:
        """A cell that was touched goes to the end: the first ones have been idle longest."""
        self._states.pop(record.cell, None)
        self._deadlines.pop(record.cell, None)
        if record.state is not None:
            self._states[record.cell] = bytes(memoryview(record.state))  # what orjson makes holds on to 4 KiB
            if record.due is not None:
                self._deadlines[record.cell] = record.due

"""The state of cells."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar

import orjson

from automations.engine import CellKey
from automations.runtime.kafka.records.record import Outgoing, Read, header, json_of


def cell_bytes(key: CellKey) -> bytes:
    """The key of a cell's records: `["automation","[group]"]`."""
    return orjson.dumps(key)


def cell_from(raw: bytes) -> CellKey:
    """Read what `cell_bytes` wrote."""
    automation, group = orjson.loads(raw)
    return sys.intern(automation), group  # a million cells may have it


@dataclass(frozen=True, slots=True)
class CellRecord:
    """The state of a cell and its deadline; a record without value (state None) forgets the cell."""

    KIND: ClassVar = "cell/1"
    cell: CellKey
    state: bytes | None
    due: int | None = None

    def to(self, topic: str, partition: int) -> Outgoing:
        """The record for the changelog."""
        value = None
        if self.state is not None:
            value = orjson.dumps({"due": self.due, "state": orjson.Fragment(self.state)})
        return Outgoing(topic, cell_bytes(self.cell), value, header(self.KIND), partition)

    @classmethod
    def read(cls, record: Read) -> CellRecord:
        """Read a record; RecordError."""
        cell = cell_from(record.key or b"")
        if record.value is None:
            return cls(cell, None)
        data = json_of(record, cls.KIND)
        return cls(cell, orjson.dumps(data["state"]), data["due"])

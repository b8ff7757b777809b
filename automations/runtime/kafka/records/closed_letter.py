"""What somebody decided about a dead letter."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import orjson

from automations.runtime.kafka.records.record import Outgoing, Read, as_record, header, json_of

Decision = Literal["redriven", "discarded"]


@dataclass(frozen=True, slots=True)
class ClosedLetter:
    """Stands in the partition of its letter, behind it. `offset` is the letter's, `redriven_as` the id of the new
    action.
    """

    KIND: ClassVar = "closed-letter/1"
    offset: int
    state: Decision
    redriven_as: str | None = None

    def to(self, topic: str, partition: int) -> Outgoing:
        """The record for the partition of the letter."""
        key = f"{partition}-{self.offset}".encode()
        return Outgoing(topic, key, orjson.dumps(asdict(self)), header(self.KIND), partition)

    @classmethod
    def read(cls, record: Read) -> ClosedLetter:
        """Read a record; RecordError, NewerRecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(int(data["offset"]), data["state"], data["redriven_as"])

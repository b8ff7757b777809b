"""Events, as the door accepted them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import orjson

from automations.model.event import RESOURCE_ID, Event
from automations.runtime.kafka.records.record import Outgoing, Read, as_record, header, json_of

EventKey = tuple[str, str]
"""(source, id) of an event"""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as the door accepted it; the value is its canonical JSON, with `received` in it."""

    KIND: ClassVar = "event/1"
    event: Event

    def to(self, topic: str) -> Outgoing:
        """The record for a topic of events."""
        value = orjson.dumps(self.event.to_dict())
        return Outgoing(topic, self.event.resource[RESOURCE_ID].encode(), value, header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> EventRecord:
        """Read a record of ours; RecordError, NewerRecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(Event.from_dict(data))

"""What became of events: traces and firings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import orjson

from automations.model.document import JsonObject
from automations.model.firing import Firing
from automations.runtime.kafka.records.event import EventKey
from automations.runtime.kafka.records.record import Outgoing, Read, as_record, header, json_of


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """What became of an event at the triggers that it reached, as far as one stage knows: match tells why it was
    refused, evaluate what its cells made of it.
    """

    KIND: ClassVar = "trace/1"
    event: EventKey
    steps: Sequence[JsonObject]

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of traces."""
        value = orjson.dumps({"event": self.event, "steps": self.steps})
        return Outgoing(topic, "/".join(self.event).encode(), value, header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> TraceRecord:
        """Read a record; RecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            source, identity = data["event"]
            return cls((source, identity), data["steps"])


@dataclass(frozen=True, slots=True)
class FiringRecord:
    """A firing, suppressed ones too. `body` names its events by (source, id); their bodies stand on the topic of
    events.
    """

    KIND: ClassVar = "firing/1"
    id: str
    body: JsonObject

    @classmethod
    def of(cls, firing: Firing) -> FiringRecord:
        """The record of a firing."""
        return cls(firing.id, firing.to_dict())

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of traces."""
        return Outgoing(topic, self.id.encode(), orjson.dumps(self.body), header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> FiringRecord:
        """Read a record; RecordError."""
        body = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(body["id"], body)

"""Rendered action requests, and what became of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import orjson

from automations.model.action import ActionRequest
from automations.runtime.kafka.records.record import Outgoing, Read, as_record, header, json_of


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An action request, rendered."""

    KIND: ClassVar = "action/1"
    action: ActionRequest

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of actions."""
        value = orjson.dumps(self.action.to_dict())
        return Outgoing(topic, self.action.firing.encode(), value, header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> ActionRecord:
        """Read a record; RecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(ActionRequest.from_dict(data))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an action: on the topic of results, and on that of settled ids. Times in microseconds.
    `claim`: which of those that kept its run may make it.
    """

    KIND: ClassVar = "result/1"
    action: str
    firing: str
    automation: str
    sink: str
    state: Literal["delivered", "dead"]
    at: int
    attempts: int = 1
    reference: str = ""
    code: str = ""
    reason: str = ""
    claim: str = ""

    def to(self, topic: str) -> Outgoing:
        """The record for one of both topics."""
        return Outgoing(topic, self.action.encode(), orjson.dumps(asdict(self)), header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> Result:
        """Read a record; RecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(**data)

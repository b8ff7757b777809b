"""Rule files, the revision that they make up, and pauses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import orjson

from automations.ports import PausableKind
from automations.runtime.kafka.records.record import Outgoing, Read, header, json_of


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The text of a rule file; without text it is removed. `path` is relative to the folder of rules."""

    KIND: ClassVar = "rule-file/1"
    path: str
    text: bytes | None

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of rules."""
        return Outgoing(topic, f"file/{self.path}".encode(), self.text, header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> RuleFile:
        """Read a record."""
        return cls((record.key or b"").decode().removeprefix("file/"), record.value)


@dataclass(frozen=True, slots=True)
class Revision:
    """A complete rule set: its files by path, each with a digest of its text. The last of its transaction."""

    KIND: ClassVar = "rules/1"
    revision: str
    files: Mapping[str, str] = field(default_factory=dict)

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of rules."""
        return Outgoing(topic, b"revision", orjson.dumps(asdict(self)), header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> Revision:
        """Read a record; RecordError."""
        return cls(**json_of(record, cls.KIND))


@dataclass(frozen=True, slots=True)
class Pause:
    """An object that is paused; one that is not has a record without value."""

    KIND: ClassVar = "pause/1"
    kind: PausableKind
    name: str
    paused: bool

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of rules."""
        key = orjson.dumps(["pause", self.kind, self.name])
        return Outgoing(topic, key, b"true" if self.paused else None, header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> Pause:
        """Read a record."""
        _, kind, name = orjson.loads(record.key or b"")
        return cls(kind, name, record.value is not None)

"""What could not be processed, rendered or delivered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

import orjson

from automations.model.action import FailedAction
from automations.runtime.kafka.records.record import Headers, Outgoing, Read, as_record, header

FAILED_ACTION: Final = "failed-action/1"
"""The kind of an action that could not be rendered."""
REDRIVEN_FROM: Final = "automations-redriven-from"
"""Header of a record that was redriven: where it stood first, and when, `TOPIC-PARTITION-OFFSET@MILLISECONDS`."""
_REDRIVEN: Final = re.compile(rb"([A-Za-z0-9._-]{1,249})-([0-9]{1,9})-([0-9]{1,18})@([0-9]{1,15})")
_LETTER: Final = "dead-letter."
StageName = Literal["ingest", "match", "evaluate", "dispatch"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stood, and its time in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0

    @property
    def place(self) -> str:
        """`TOPIC-PARTITION-OFFSET`."""
        return f"{self.topic}-{self.partition}-{self.offset}"

    @classmethod
    def of(cls, record: Read) -> Origin:
        """Where a record stands."""
        return cls(record.topic, record.partition, record.offset, record.timestamp)

    @classmethod
    def first(cls, record: Read) -> Origin:
        """Where a record stood before anybody redrove it."""
        for name, value in record.headers:
            if name == REDRIVEN_FROM and (found := _REDRIVEN.fullmatch(value or b"")):
                topic, *numbers = found.groups()
                return cls(topic.decode(), *map(int, numbers))
        return cls.of(record)

    def as_first(self) -> Headers:
        """The header by which `first` finds this place."""
        return ((REDRIVEN_FROM, f"{self.place}@{self.timestamp}".encode()),)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be processed: key, value and headers are what they were, so that it can be sent again to
    `origin`; an action that could not be rendered has none. `revision` is that of the rules.
    """

    code: str
    reason: str
    stage: StageName
    revision: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    origin: Origin | None = None

    @classmethod
    def of(cls, record: Read, code: str, reason: str, stage: StageName, revision: str) -> DeadLetter:
        """The dead letter of a record."""
        headers = tuple((name, value or b"") for name, value in record.headers if not _is_ours(name))
        return cls(code, reason, stage, revision, record.key, record.value, headers, Origin.of(record))

    @classmethod
    def of_action(cls, action: FailedAction, stage: StageName, revision: str) -> DeadLetter:
        """The dead letter of an action that could not be rendered."""
        value = orjson.dumps(asdict(action))
        return cls(
            str(action.code),
            action.message,
            stage,
            revision,
            action.firing.encode(),
            value,
            header(FAILED_ACTION),
        )

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of dead letters."""
        told = {"code": self.code, "reason": self.reason, "stage": self.stage, "revision": self.revision}
        if self.origin is not None:
            told |= {name: str(value) for name, value in asdict(self.origin).items()}
        ours = tuple((_LETTER + name, text.encode("utf-8", "replace")) for name, text in told.items())
        value = b"" if self.key is None and self.value is None else self.value  # our client writes no such record
        return Outgoing(topic, self.key, value, (*ours, *self.headers))

    @staticmethod
    def stands_in(record: Read) -> bool:
        """False for what else stands on the topic."""
        return any(_is_ours(name) for name, _ in record.headers)

    @classmethod
    def read(cls, record: Read) -> DeadLetter:
        """Read a record; RecordError."""
        told = {name.removeprefix(_LETTER): raw.decode() for name, raw in record.headers if _is_ours(name)}
        theirs = tuple((name, raw) for name, raw in record.headers if not _is_ours(name))
        with as_record("dead letter"):
            origin = _origin(told) if "topic" in told else None
            stage: StageName = told["stage"]  # type: ignore[assignment]  # we wrote it
            code, reason, revision = told["code"], told["reason"], told["revision"]
        return cls(code, reason, stage, revision, record.key, record.value, theirs, origin)


def _origin(told: Mapping[str, str]) -> Origin:
    return Origin(told["topic"], int(told["partition"]), int(told["offset"]), int(told.get("timestamp", 0)))


def _is_ours(name: str) -> bool:
    return name.startswith(_LETTER)

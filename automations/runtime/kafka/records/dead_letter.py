"""What could not be processed, rendered or delivered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Literal

import orjson

from automations.model.action import FailedAction
from automations.runtime.kafka.records.record import Headers, Outgoing, Read, header

_LETTER: Final = "dead-letter."
StageName = Literal["match", "evaluate", "dispatch"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stood."""

    topic: str
    partition: int
    offset: int


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
        origin = Origin(record.topic, record.partition, record.offset)
        return cls(code, reason, stage, revision, record.key, record.value, headers, origin)

    @classmethod
    def of_action(cls, action: FailedAction, stage: StageName, revision: str) -> DeadLetter:
        """The dead letter of an action that could not be rendered, `failed-action/1`."""
        value = orjson.dumps(asdict(action))
        return cls(
            str(action.code),
            action.message,
            stage,
            revision,
            action.firing.encode(),
            value,
            header("failed-action/1"),
        )

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of dead letters."""
        told = {"code": self.code, "reason": self.reason, "stage": self.stage, "revision": self.revision}
        if self.origin is not None:
            told |= {name: str(value) for name, value in asdict(self.origin).items()}
        ours = tuple((_LETTER + name, text.encode("utf-8", "replace")) for name, text in told.items())
        return Outgoing(topic, self.key, self.value, (*ours, *self.headers))

    @classmethod
    def read(cls, record: Read) -> DeadLetter:
        """Read a record."""
        told = {name.removeprefix(_LETTER): raw.decode() for name, raw in record.headers if _is_ours(name)}
        theirs = tuple((name, raw) for name, raw in record.headers if not _is_ours(name))
        stage: StageName = told["stage"]  # type: ignore[assignment]  # we wrote it
        origin = Origin(told["topic"], int(told["partition"]), int(told["offset"])) if "topic" in told else None
        return cls(told["code"], told["reason"], stage, told["revision"], record.key, record.value, theirs, origin)


def _is_ours(name: str) -> bool:
    return name.startswith(_LETTER)

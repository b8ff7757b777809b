"""Dead letters on their topic: what stands there, and what was decided about each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import orjson
import structlog
from aiokafka import TopicPartition

from automations.errors import NotFoundError
from automations.model.document import JsonObject
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import (
    FAILED_ACTION,
    ActionRecord,
    ClosedLetter,
    DeadLetter,
    EventRecord,
    Origin,
    Read,
    RecordError,
    StageName,
    cell_from,
    kind_of,
)
from automations.runtime.kafka.topics import Topology, partitions_of

log = structlog.get_logger()

_ID: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,18})")

LetterKind = Literal["event", "match", "action", "failed-action", "cell", "record"]
"""What a letter is about. A `failed-action` could not be rendered; the state of a `cell` was too large to be kept,
and was forgotten; a `record` is none of these.
"""
LetterState = Literal["open", "redriven", "discarded"]


@dataclass(frozen=True, slots=True)
class LetterRow:
    """What is told of a dead letter without its content. `created` in microseconds; `event` is `SOURCE/ID`."""

    partition: int
    offset: int
    kind: LetterKind
    code: str
    reason: str
    stage: StageName
    revision: str
    created: int
    automation: str | None = None
    event: str | None = None
    origin: Origin | None = None
    closed: ClosedLetter | None = None

    @property
    def state(self) -> LetterState:
        """What was decided."""
        return self.closed.state if self.closed else "open"

    @property
    def id(self) -> str:
        """`PARTITION-OFFSET`: where the letter stands."""
        return f"{self.partition}-{self.offset}"

    @classmethod
    def of(cls, record: Read, topology: Topology) -> LetterRow:
        """Read a letter; RecordError."""
        letter = DeadLetter.read(record)
        kind = _kind(record, letter, topology)
        automation, event = _about(record, kind)
        return cls(
            partition=record.partition,
            offset=record.offset,
            kind=kind,
            code=letter.code,
            reason=letter.reason,
            stage=letter.stage,
            revision=letter.revision,
            created=record.timestamp * 1_000,
            automation=automation,
            event=event,
            origin=letter.origin,
        )


class DeadLetters:
    """The letters of an installation."""

    def __init__(self, cluster: Cluster, topology: Topology) -> None:
        self._cluster, self._topology = cluster, topology

    async def partitions(self) -> int:
        """How many partitions the topic has; KafkaUnreachableError."""
        topic = self._topology.dead_letters
        return await partitions_of(self._cluster.bootstrap, topic, connection=self._cluster.connection)

    async def rows(self, state: LetterState | None) -> Sequence[LetterRow]:
        """The letters of a state, or all of them, newest first."""
        found: list[LetterRow] = []
        for partition in range(await self.partitions()):
            rows = await self.in_partition(partition)
            found += [row for row in rows.values() if state in (None, row.state)]
        return sorted(found, key=lambda row: (row.created, row.partition, row.offset), reverse=True)

    async def find(self, identity: str) -> tuple[LetterRow, DeadLetter]:
        """A letter, with its content; NotFoundError."""
        place = letter_place(identity)
        if place is None or place[0] >= await self.partitions():
            raise not_found(identity)
        partition, offset = place
        rows = await self.in_partition(partition)
        async for record, *_ in self.records(partition, rows.keys() & {offset}):
            return rows[offset], DeadLetter.read(record)
        raise not_found(identity)

    async def in_partition(self, partition: int) -> Mapping[int, LetterRow]:
        """The letters of a partition, by offset."""
        rows: dict[int, LetterRow] = {}
        async for records in self._read(partition):
            for record in records:
                try:
                    self._take(rows, record)
                except RecordError as error:
                    log.warning("dead_letter_skipped", partition=partition, offset=record.offset, error=str(error))
        return rows

    async def records(self, partition: int, offsets: Collection[int]) -> AsyncIterator[Sequence[Read]]:
        """The records of these letters, as they are fetched."""
        wanted = set(offsets)
        if not wanted:
            return
        async for records in self._read(partition):
            if found := [record for record in records if record.offset in wanted]:
                yield found

    def _read(self, partition: int) -> AsyncIterator[Sequence[Read]]:
        return self._cluster.read_all(TopicPartition(self._topology.dead_letters, partition))

    def _take(self, rows: dict[int, LetterRow], record: Read) -> None:
        """A decision stands behind its letter; one whose letter is gone says nothing."""
        if DeadLetter.stands_in(record):
            rows[record.offset] = LetterRow.of(record, self._topology)
            return
        decided = ClosedLetter.read(record)
        if decided.offset in rows:
            rows[decided.offset] = replace(rows[decided.offset], closed=decided)


def letter_place(identity: str) -> tuple[int, int] | None:
    """The partition and the offset of a letter; None for what is no id."""
    found = _ID.fullmatch(identity)
    return (int(found[1]), int(found[2])) if found else None


def not_found(identity: str) -> NotFoundError:
    """The error of an id without letter."""
    return NotFoundError(
        f"there is no dead letter {identity!r}",
        hint="'automations dead-letters ls --state all --kafka HOST:PORT' lists what there is",
    )


def _kind(record: Read, letter: DeadLetter, topology: Topology) -> LetterKind:
    kinds: Mapping[str | None, LetterKind] = {ActionRecord.KIND: "action", FAILED_ACTION: "failed-action"}
    if kind := kinds.get(kind_of(record)):
        return kind
    if letter.origin is None:
        return "cell"
    topics: Mapping[str, LetterKind] = {topology.events: "event", topology.matches: "match"}
    return topics.get(letter.origin.topic, "record")


def _about(record: Read, kind: LetterKind) -> tuple[str | None, str | None]:
    """The automation and the event, as far as the content can be read: it may be anything."""
    try:
        if kind == "cell":
            return cell_from(record.key or b"")[0], None
        data = orjson.loads(record.value or b"")
        if kind in ("action", "failed-action"):
            return data["automation"], data["cause"]
        if kind == "match":
            return data["cell"][0], _ref(data["event"])
        return None, _ref(data) if kind_of(record) == EventRecord.KIND else None
    except (LookupError, TypeError, ValueError):
        return None, None


def _ref(event: JsonObject) -> str:
    return f"{event['source']}/{event['id']}"

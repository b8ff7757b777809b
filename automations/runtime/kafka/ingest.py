"""The stage before all others: from topics of somebody else's to the topic of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, UnknownMemberIdError

from automations.errors import AutomationsError, Refused
from automations.model.event import Event
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import DeadLetter, EventRecord, Outgoing, Read, StageName
from automations.runtime.kafka.stage import Stage, in_turns
from automations.runtime.kafka.topics import Topology, partitions_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class InputTopic:
    """A topic that is read as a source. `read` makes events of a record, or says why there is none; None for what
    its mapping skips. `from_end`: it begins with what comes after the first start.
    """

    source: str
    topic: str
    read: Callable[[Read], Sequence[Event | Refused | None]]
    from_end: bool = True


class IngestStage(Stage):
    """Works on a partition of an input topic. Each record's events are on the topic of events once, under the key
    of their resource; what is no event is a dead letter.
    """

    name: StageName = "ingest"

    def __init__(self, topology: Topology, given: InputTopic) -> None:
        self._topology, self._input = topology, given
        self._received = 0

    async def restore(self) -> None:
        """There is no state."""

    def progress(self) -> str:
        """When the last event was received, in microseconds: time waits for those behind it."""
        return str(self._received)

    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Hand events on."""
        outgoing: list[Outgoing] = []
        async for some in in_turns(records):
            for record in some:
                outgoing += self._handed_on(record)
        return outgoing

    def _handed_on(self, record: Read) -> Iterator[Outgoing]:
        for item in self._input.read(record):
            if isinstance(item, Event):
                self._received = max(self._received, item.received)
                event = EventRecord(item).to(self._topology.events)
                if event.fits:
                    yield event
                    continue
                item = Refused(f"the event has {event.size} bytes", code="too-large")
            if item is not None:
                reason = "; ".join(filter(None, (item.message, item.hint)))
                letter = DeadLetter.of(record, item.code, reason, self.name, "")
                yield letter.to(self._topology.dead_letters)


async def begin(cluster: Cluster, group: str, given: InputTopic) -> None:
    """Before the first start: leave out what is there already, if that is wanted. AutomationsError where the topic
    is missing.

    All partitions begin at once, so one that is added later is read from its start.
    """
    partitions = await _partitions(cluster, given)
    async with cluster.reader(*partitions, group=group) as consumer:
        begun = [await consumer.committed(each) for each in partitions]
        if not given.from_end or any(position is not None for position in begun):
            return
        try:
            await consumer.commit(await consumer.end_offsets(partitions))
        except (CommitFailedError, IllegalGenerationError, UnknownMemberIdError):
            log.info("begun_elsewhere", source=given.source)


async def _partitions(cluster: Cluster, given: InputTopic) -> Sequence[TopicPartition]:
    try:
        number = await partitions_of(cluster.bootstrap, given.topic, connection=cluster.connection)
    except AutomationsError as error:
        raise AutomationsError(
            f"the source {given.source!r} reads the topic {given.topic!r}: {error.message}",
            code="input-topic",
            hint="make the topic, or take the source out of sources.yaml",
        ) from error
    return [TopicPartition(given.topic, partition) for partition in range(number)]

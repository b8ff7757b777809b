"""Decisions about dead letters, each made once.

A decision is a record behind the letter, in the letter's own partition: retention drops a log from its front, so
no letter outlives its decision and comes back. The decision and what is sent again are one transaction. All who
decide share one transactional id: who begins fences the one before, whose open transaction is undone, and only
then reads which letters are open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from automations.errors import AutomationsError, ConflictError
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.dead_letters import DeadLetters, LetterRow, letter_place, not_found
from automations.runtime.kafka.decisions import Decide, Decided, Outcome
from automations.runtime.kafka.records import Outgoing
from automations.runtime.kafka.topics import Topology


class DecidedElsewhereError(AutomationsError):
    """Somebody else has begun to decide."""

    code = "decided-elsewhere"
    recoverable = True


class Deciding:
    """Decides, until somebody else begins to."""

    def __init__(self, cluster: Cluster, topology: Topology, producer: AIOKafkaProducer) -> None:
        self._letters, self._topology = DeadLetters(cluster, topology), topology
        self._producer = producer

    async def decide(self, identities: Iterable[str], decide: Decide) -> AsyncIterator[tuple[str, Outcome]]:
        """Go through letters, partition by partition, and yield what became of each: an error for those that stay
        as they are, be it that they are not there or not open.

        DecidedElsewhereError, KafkaError: what was not yielded may be decided or not; to decide again is safe.
        """
        places, unknown = _places(identities, await self._letters.partitions())
        for identity in unknown:
            yield identity, not_found(identity)
        for partition, offsets in places.items():
            letters = await self._letters.in_partition(partition)
            for offset in offsets:
                if error := _refusal(f"{partition}-{offset}", letters.get(offset)):
                    yield f"{partition}-{offset}", error
            chosen = {row.offset: row for row in letters.values() if row.state == "open" and row.offset in offsets}
            async for records in self._letters.records(partition, chosen):
                outcomes = [decide(chosen[record.offset], record, self._topology) for record in records]
                await self._commit([outcome for outcome in outcomes if isinstance(outcome, Decided)])
                for record, outcome in zip(records, outcomes, strict=True):
                    yield chosen[record.offset].id, outcome

    async def _commit(self, decided: Sequence[Decided]) -> None:
        topic = self._topology.dead_letters
        records = [each.sent for each in decided if each.sent]
        records += [each.closed.to(topic, each.letter.partition) for each in decided]
        if not records:
            return
        deliveries: list[asyncio.Future[object]] = []
        try:
            async with self._producer.transaction():
                for record in records:
                    deliveries.append(await _send(self._producer, record))  # noqa: PERF401 - a failure keeps them
            for delivery in deliveries:
                delivery.result()
        except (KafkaError, IllegalOperation) as error:  # to send after the one that failed is illegal
            ends = await asyncio.gather(*deliveries, return_exceptions=True)
            cause = next((end for end in ends if isinstance(end, KafkaError)), error)
            if not isinstance(cause, ProducerFenced):
                raise cause from error
            raise DecidedElsewhereError(
                "somebody else redrives or discards dead letters just now",
                hint="run this again when they are through; what is done already is not done twice",
            ) from error


@asynccontextmanager
async def deciding(cluster: Cluster, topology: Topology) -> AsyncIterator[Deciding]:
    """Decide; fences whoever did. KafkaUnreachableError."""
    async with cluster.producer(f"{topology.dead_letters}.deciding") as producer:
        yield Deciding(cluster, topology, producer)


def _places(identities: Iterable[str], partitions: int) -> tuple[Mapping[int, Set[int]], Sequence[str]]:
    """The offsets that are asked for in each partition, and the ids that can be none."""
    places: dict[int, dict[int, None]] = {}
    unknown: list[str] = []
    for identity in identities:
        place = letter_place(identity)
        if place is None or place[0] >= partitions:
            unknown.append(identity)
        else:
            places.setdefault(place[0], {})[place[1]] = None
    return {partition: offsets.keys() for partition, offsets in sorted(places.items())}, unknown


def _refusal(identity: str, letter: LetterRow | None) -> AutomationsError | None:
    if letter is None:
        return not_found(identity)
    if letter.state != "open":
        return ConflictError(f"the dead letter {identity!r} is {letter.state} already", code="not-open")
    return None


async def _send(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[object]:
    delivery: asyncio.Future[object] = await producer.send(
        record.topic, record.value, record.key, partition=record.partition, headers=list(record.headers)
    )
    return delivery

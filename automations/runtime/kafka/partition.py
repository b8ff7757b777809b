"""One partition of a stage's input: read, decide, commit what follows with the position, in one transaction.

Safety stands on the transactional id, which belongs to the partition and not to the worker: whoever starts a
producer with it fences its last owner, whose open transaction is undone. Only then is the position read, and the
state. So the position and the state that a worker sees are the last ones committed, and no former owner commits
after. Group membership only says who shall work on what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from automations.errors import AutomationsError
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import Outgoing, Read
from automations.runtime.kafka.stage import Stage
from automations.runtime.kafka.tally import Tally

S = TypeVar("S", bound=Stage)
log = structlog.get_logger()

_IDLE: Final = 500
"""Milliseconds after which a partition where nothing arrives looks whether anything is left to do."""


class PartitionLostError(AutomationsError):
    """The worker may no longer write: another one owns the partition, or a transaction failed. It must end:
    what it holds in memory may be older than what is committed.
    """

    code = "partition-lost"
    recoverable = True


class Partition(Generic[S]):
    """A stage at work on one partition. `run` it once; `stop` ends it between two transactions."""

    def __init__(self, cluster: Cluster, group: str, source: TopicPartition, stage: S, tally: Tally) -> None:
        self.source, self.stage, self.restored, self.end = source, stage, False, -1
        self._tally = tally
        self._cluster, self._group = cluster, group
        self._turn = asyncio.Lock()
        self._read = self._processed = self._committed = -1
        self._writing = False

    @property
    def position(self) -> int:
        """The offset at which it reads on; -1 before it knows."""
        return self._read

    async def run(self) -> None:
        """Work until cancelled. Raises what the worker must end for."""
        try:
            async with (
                self._cluster.producer(f"{self._group}.{self.source.partition}") as producer,
                self._cluster.reader(self.source, group=self._group) as consumer,
            ):
                await self._seek(consumer)
                await self.stage.restore()
                self.restored = True
                await self._work(producer, consumer)
        except ProducerFenced as error:
            raise self._lost("another worker has taken the partition over") from error
        except KafkaError as error:
            raise self._lost(f"{type(error).__name__}: {error}") from error

    async def _work(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        try:
            while True:
                await self._step(producer, consumer)
        except asyncio.CancelledError:
            if not self._writing:
                await self._conclude(producer, await self.stage.leave())
            raise

    async def hold(self) -> None:
        """Return when no transaction is open; none begins before `release`."""
        await self._turn.acquire()

    def release(self) -> None:
        """Go on."""
        self._turn.release()

    # --- reading -------------------------------------------------------------------------------------------

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        committed = await consumer.committed(self.source)
        if committed is None:
            await consumer.seek_to_beginning(self.source)
        else:
            consumer.seek(self.source, committed)
            self._read = self._processed = self._committed = committed
        log.info("partition_started", stage=self.stage.name, partition=self.source.partition, position=committed)

    async def _fetch(self, consumer: AIOKafkaConsumer) -> Sequence[Read]:
        try:
            fetched = await consumer.getmany(self.source, timeout_ms=_IDLE, max_records=self.stage.room)
        except OffsetOutOfRangeError:
            first = (await consumer.beginning_offsets([self.source]))[self.source]
            log.error(
                "input_lost",
                topic=self.source.topic,
                partition=self.source.partition,
                position=self._read,
                first=first,
            )
            consumer.seek(self.source, first)
            self._read = first
            return ()
        records: Sequence[Read] = fetched.get(self.source, ())
        if records and records[0].offset < self._read:
            raise PartitionLostError(f"{self.source}: offset {records[0].offset} came after {self._read}")
        self._read = await consumer.position(self.source)
        self.end = max(consumer.highwater(self.source) or 0, self._read)
        self._tally.read += len(records)
        return records

    @staticmethod
    async def _wait() -> Sequence[Read]:
        await asyncio.sleep(_IDLE / 1_000)
        return ()

    # --- writing -------------------------------------------------------------------------------------------

    async def _step(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        records = await self._fetch(consumer) if self.stage.room > 0 else await self._wait()
        async with self._turn:
            self._writing = True
            outgoing = await self.stage.process(records)
            self._processed = self._read  # only now: what was fetched may never come to be processed
            await self._conclude(producer, outgoing)
            self._writing = False

    async def _conclude(self, producer: AIOKafkaProducer, outgoing: Sequence[Outgoing]) -> None:
        position = self.stage.position(self._processed)
        if outgoing or position != self._committed:
            await self._commit(producer, outgoing, position)
            await self.stage.committed()

    async def _commit(self, producer: AIOKafkaProducer, outgoing: Sequence[Outgoing], position: int) -> None:
        deliveries: list[asyncio.Future[object]] = []
        try:
            await producer.begin_transaction()
            for record in outgoing:
                deliveries.append(await _send(producer, record))  # noqa: PERF401 - a failure keeps the earlier
            offset = {self.source: OffsetAndMetadata(position, self.stage.progress())}
            await producer.send_offsets_to_transaction(offset, self._group)
            await producer.commit_transaction()
            for delivery in deliveries:
                delivery.result()
        except BaseException:
            for delivery in deliveries:  # they all fail alike, and one of them is told
                delivery.add_done_callback(_retrieve)
            raise
        self._committed = position
        self._tally.written.update(record.topic for record in outgoing)

    def _lost(self, why: str) -> PartitionLostError:
        self._tally.lost += 1
        return PartitionLostError(
            f"{self.source.topic}, partition {self.source.partition}: {why}",
            hint="the worker ends; start it again, and it goes on from what is committed",
        )


async def _send(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[object]:
    delivery: asyncio.Future[object] = await producer.send(
        record.topic, record.value, record.key, partition=record.partition, headers=list(record.headers)
    )
    return delivery


def _retrieve(delivery: asyncio.Future[object]) -> None:
    if not delivery.cancelled():
        delivery.exception()

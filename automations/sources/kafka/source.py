"""A source that follows a Kafka topic: how far it has read is stored together with the events it has read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Never

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError

from automations.errors import AutomationsError, Refused
from automations.ingest import Limits
from automations.model.event import Event
from automations.ports import Clock, Intake, SourceCursor, Store
from automations.sources.intake import enter
from automations.sources.kafka.reading import Record, read_record
from automations.sources.kafka.subscription import KafkaSubscription

log = structlog.get_logger()

_AT_ONCE: Final = 500
_IDLE: Final = 500
"""Milliseconds to wait for records."""
_LOOK_EVERY: Final = 30.0
"""Seconds between two looks for new partitions."""
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_REQUEST: Final = 10_000
"""Milliseconds that a request may take."""


class KafkaSource:
    """Brings every record of a topic's partitions, in the order of each, once. The store's cursors decide where it
    goes on; what a consumer group is told is for onlookers.
    """

    def __init__(
        self,
        subscription: KafkaSubscription,
        intake: Intake,
        store: Store,
        clock: Clock,
        *,
        client_options: Mapping[str, Any],
        limits: Limits,
        random: Callable[[], float],
    ) -> None:
        self.name = subscription.name
        self._subscription = subscription
        self._intake, self._store, self._clock = intake, store, clock
        self._options, self._limits, self._random = client_options, limits, random
        self._began: dict[TopicPartition, int] = {}
        self._failures = self._refused = 0

    async def run(self) -> None:
        """Follow until cancelled, through every outage of Kafka, of the network and of the store."""
        while True:
            consumer = self._consumer()
            try:
                await consumer.start()
                await self._follow(consumer)
            except (KafkaError, OSError, AutomationsError) as error:
                delay = self._delay()
                told = f"{type(error).__name__}: {error}"
                log.warning("source_unreachable", source=self.name, error=told, again_in=round(delay, 1))
            finally:
                self._intake.release_time(self.name)
                await consumer.stop()
            await asyncio.sleep(delay)

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._options,
            group_id=self._subscription.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=_REQUEST,
        )

    def _delay(self) -> float:
        """Seconds: exponential, capped, and spread, so that not all who lost a cluster come back at once."""
        doubled = math.ldexp(_FIRST_DELAY, self._failures)
        self._failures = min(self._failures + 1, 16)
        return min(doubled, _LONGEST_DELAY) * (1 + self._random()) / 2

    async def _follow(self, consumer: AIOKafkaConsumer) -> Never:
        await self._assign(consumer)
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        self._intake.hold_time(self.name)
        while not await _reached(consumer, ends):
            await self._fetch(consumer)
        self._intake.release_time(self.name)
        self._failures = 0
        log.info("source_caught_up", source=self.name, topic=self._subscription.topic, partitions=len(ends))
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            await self._fetch(consumer)
            if loop.time() - looked > _LOOK_EVERY:
                await self._assign(consumer)
                looked = loop.time()

    # --- where to go on --------------------------------------------------------------------------------------

    async def _assign(self, consumer: AIOKafkaConsumer) -> None:
        """Take up the partitions that are new since the last look. One that comes later begins at its start."""
        wanted = await self._partitions()
        new = sorted(wanted - consumer.assignment())
        if not new:
            return
        positions = {old: await consumer.position(old) for old in consumer.assignment()}
        positions |= await self._positions(consumer, new)
        consumer.assign(sorted(wanted))
        for partition, position in positions.items():
            consumer.seek(partition, position)

    async def _partitions(self) -> set[TopicPartition]:
        topic = self._subscription.topic
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await admin.start()
            (described,) = await admin.describe_topics([topic])
        finally:
            await admin.close()
        if not described["partitions"]:
            raise UnknownTopicOrPartitionError(topic)
        return {TopicPartition(topic, found["partition"]) for found in described["partitions"]}

    async def _positions(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Where the store says; else where the source is told to start, which the store remembers from now on."""
        cursors = {p: await self._store.reads.source_cursor(self._key(p)) for p in partitions}
        begun = bool(consumer.assignment()) or any(cursors.values())
        latest = self._subscription.start == "latest" and not begun
        first = await (consumer.end_offsets if latest else consumer.beginning_offsets)(list(partitions))
        for partition, cursor in cursors.items():
            if cursor is None:
                await self._remember(partition, SourceCursor(first[partition], first[partition]))
            self._began[partition] = first[partition] if cursor is None else cursor.began
        return {p: first[p] if cursor is None else cursor.position for p, cursor in cursors.items()}

    async def _remember(self, partition: TopicPartition, cursor: SourceCursor) -> None:
        await self._store.write(lambda tx: tx.advance_source(self._key(partition), cursor))

    def _key(self, partition: TopicPartition) -> str:
        return self._subscription.cursor(partition.partition)

    # --- reading ---------------------------------------------------------------------------------------------

    async def _fetch(self, consumer: AIOKafkaConsumer) -> None:
        try:
            fetched = await consumer.getmany(timeout_ms=_IDLE, max_records=_AT_ONCE)
        except OffsetOutOfRangeError as error:
            await self._skip_what_is_gone(consumer, error)
            return
        for partition, records in fetched.items():
            await self._take(partition, records)
        if fetched and self._subscription.group is not None:
            await self._tell_group(consumer, {p: records[-1].offset + 1 for p, records in fetched.items()})

    async def _tell_group(self, consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]) -> None:
        try:
            await consumer.commit(positions)
        except KafkaError as error:  # nothing of ours rests on it
            log.warning(
                "source_group_not_told", source=self.name, group=self._subscription.group, error=str(error)
            )

    async def _skip_what_is_gone(self, consumer: AIOKafkaConsumer, error: OffsetOutOfRangeError) -> None:
        (lost,) = error.args
        first = await consumer.beginning_offsets(list(lost))
        for partition, position in lost.items():
            told = {"topic": partition.topic, "partition": partition.partition}
            log.error("source_events_lost", source=self.name, **told, position=position, first=first[partition])
            consumer.seek(partition, first[partition])

    async def _take(self, partition: TopicPartition, records: Sequence[Record]) -> None:
        """Hand in what was read, and with it how far that is."""
        cursor = SourceCursor(self._began[partition], records[-1].offset + 1)
        key = self._key(partition)
        await enter(
            self._intake, self.name, list(self._events(records)), lambda tx: tx.advance_source(key, cursor)
        )

    def _events(self, records: Sequence[Record]) -> Iterator[Event]:
        now = self._clock.now()
        for record in records:
            for item in read_record(record, self._subscription, now=now, limits=self._limits):
                if isinstance(item, Event):
                    yield item
                elif item is not None:
                    self._tell_refused(record, item)

    def _tell_refused(self, record: Record, refused: Refused) -> None:
        self._refused += 1
        place = f"{self._subscription.topic}-{record.partition}@{record.offset}"
        told = {"record": place, "code": refused.code, "reason": refused.message}
        log.warning("source_event_refused", source=self.name, refused=self._refused, **told)


async def _reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    return all([await consumer.position(partition) >= end for partition, end in ends.items()])

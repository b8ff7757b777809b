"""Clients of one Kafka cluster, with the settings that were measured."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaConnectionError

from automations.runtime.kafka.connection import Connection
from automations.runtime.kafka.ending import end
from automations.runtime.kafka.records import Read, choose
from automations.runtime.kafka.topics import MAX_RECORD_BYTES
from automations.runtime.kafka.unreachable import KafkaUnreachableError

_BATCH_BYTES: Final = 256 << 10
_BACKOFF: Final = 5
"""Milliseconds. A broker since 3.6 refuses a record that comes before the markers of the last transaction are
written; with the client's default of 100 each such refusal costs as much.
"""
_TRANSACTION: Final = 20_000
"""Milliseconds after which the broker undoes a transaction whose owner died: so long it may hide what follows."""
_READ_AT_ONCE: Final = 2_000
_TELL: Final = 5.0
"""Seconds after which a long reading tells how far it is."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is. `session`: seconds of silence after which a group takes a worker for dead."""

    bootstrap: str
    session: float = 6.0
    connection: Connection = field(default_factory=Connection)

    @property
    def client_options(self) -> dict[str, Any]:
        """What every client of this cluster is made with."""
        return {"bootstrap_servers": self.bootstrap, **self.connection.options}

    @property
    def producer_options(self) -> dict[str, Any]:
        """What every producer is made with: it neither loses nor doubles a record."""
        return {
            "bootstrap_servers": self.bootstrap,
            **self.connection.producer_options,
            "enable_idempotence": True,
            "max_batch_size": _BATCH_BYTES,
            "max_request_size": MAX_RECORD_BYTES,
            "retry_backoff_ms": _BACKOFF,
            "partitioner": choose,
        }

    @asynccontextmanager
    async def producer(self, transactional_id: str | None = None) -> AsyncIterator[AIOKafkaProducer]:
        """A producer that neither loses nor doubles. With a transactional id its start fences whoever had that id
        before, and undoes what they left open.
        """
        producer = AIOKafkaProducer(
            **self.producer_options, transactional_id=transactional_id, transaction_timeout_ms=_TRANSACTION
        )
        try:
            await self.start(producer)
            yield producer
        finally:
            await end(producer)

    @asynccontextmanager
    async def reader(
        self, *partitions: TopicPartition, group: str | None = None
    ) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of partitions, of committed records alone. It joins no group: `group` is where its offsets
        stand. Where it begins to read is for the caller to say.
        """
        options = {"group_id": group, "enable_auto_commit": False, "isolation_level": "read_committed"}
        async with self._client(**options) as consumer:
            consumer.assign(partitions)
            yield consumer

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """What asks for topics, and for the offsets of groups."""
        admin = AIOKafkaAdminClient(**self.client_options)
        try:
            await self.start(admin)
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def _client(self, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self.client_options,
            auto_offset_reset="none",
            max_partition_fetch_bytes=2 * MAX_RECORD_BYTES,
            **options,
        )
        try:
            await self.start(consumer)
            yield consumer
        finally:
            await end(consumer)

    def member(self, group: str) -> AIOKafkaConsumer:
        """A member of a group, not started. It is to be paused: its partitions are read by others.

        The assignor keeps what a member had on its class, so each member has a class of its own: with one for all
        the groups of a worker would tell each other's partitions, and every rebalance would move state about.
        """
        assignor = type("Assignor", (StickyPartitionAssignor,), {})
        return AIOKafkaConsumer(
            **self.client_options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            partition_assignment_strategy=[assignor],
            session_timeout_ms=int(self.session * 1_000),
            heartbeat_interval_ms=int(self.session * 1_000 / 3),
        )

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        async with self.producer() as producer:
            return len(await producer.partitions_for(topic))

    async def end_of(self, partition: TopicPartition) -> int:
        """The offset behind the last record, be it committed or not: who has read up to there has seen what every
        transaction has become that was begun before.
        """
        async with self._client(isolation_level="read_uncommitted") as consumer:
            offsets: dict[TopicPartition, int] = await consumer.end_offsets([partition])
            return offsets[partition]

    async def read_all(self, partition: TopicPartition) -> AsyncIterator[Sequence[Read]]:
        """Read all committed records that the partition holds now."""
        until = await self.end_of(partition)
        told = time.monotonic()
        async with self.reader(partition) as consumer:
            await consumer.seek_to_beginning(partition)
            while (position := await consumer.position(partition)) < until:
                if time.monotonic() - told > _TELL:
                    log.info(
                        "reading",
                        topic=partition.topic,
                        partition=partition.partition,
                        position=position,
                        end=until,
                    )
                    told = time.monotonic()
                fetched = await consumer.getmany(partition, timeout_ms=1_000, max_records=_READ_AT_ONCE)
                yield fetched.get(partition, ())

    async def read_topic(self, topic: str) -> AsyncIterator[Sequence[Read]]:
        """Read all committed records that the partitions of a topic hold now."""
        for number in range(await self.partitions(topic)):
            async for records in self.read_all(TopicPartition(topic, number)):
                yield records

    async def start(self, client: AIOKafkaProducer | AIOKafkaConsumer | AIOKafkaAdminClient) -> None:
        """Start a client; KafkaUnreachableError."""
        try:
            await client.start()
        except (KafkaConnectionError, OSError) as error:  # TLS: a refused certificate shows as either
            raise KafkaUnreachableError(self.bootstrap, error) from error

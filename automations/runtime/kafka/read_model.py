"""What the cluster says, in a store of one's own: for reading only, and made again from the topics at any time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from automations.ports import Store, Transaction
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.projection import Projection
from automations.runtime.kafka.records import Read
from automations.runtime.kafka.unreachable import reaching

log = structlog.get_logger()

_WAIT: Final = 100
"""Milliseconds that it waits for news."""
_AT_ONCE: Final = 500
"""Records of a transaction at most: so long others wait to write."""
_LOOK_ABOUT: Final = 600.0
"""Seconds after which it looks what partitions there are, and what the topics have dropped."""
Partitions = Sequence[TopicPartition]
Fetched = Mapping[TopicPartition, Sequence[Read]]


class ReadModel:
    """Follows the topics; from time to time it begins again, as partitions may have been added. Rows and positions
    are written in one transaction, so each record counts once.

    Invariant: what follows from an event or an action is stored after it. A round first fetches what follows, then
    stores all events and actions up to where their topics end by then, then what it fetched.
    """

    def __init__(self, cluster: Cluster, projection: Projection, store: Store) -> None:
        topology = projection.topology
        self._cluster, self._projection, self._store = cluster, projection, store
        self._causes = (topology.events, topology.actions)
        self._effects = (topology.traces, topology.results, topology.dead_letters)
        self._group = topology.name("match")
        self._rounds = 0
        self._round = asyncio.Condition()
        self.behind: int | None = None
        """Offsets that are still to be read, as of the last round; None before the first."""

    async def run(self) -> None:
        """Follow until cancelled. Raises KafkaUnreachableError, NewerRecordError: to be run again."""
        while True:
            with reaching(self._cluster.bootstrap):
                await self._run()

    async def _run(self) -> None:
        async with self._reading() as (consumer, admin, partitions):
            causes = [each for each in partitions if each.topic in self._causes]
            effects = [each for each in partitions if each.topic in self._effects]
            ends = time.monotonic() + _LOOK_ABOUT
            while time.monotonic() < ends:
                await self._follow(consumer, admin, causes, effects)

    async def caught_up(self) -> None:
        """Return once everything is stored that stands on the topics now."""
        async with self._round:
            wanted = self._rounds + 2  # the one under way may have read its topics already
            await self._round.wait_for(lambda: self._rounds >= wanted)

    # --- a round -------------------------------------------------------------------------------------------

    async def _follow(
        self,
        consumer: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        causes: Partitions,
        effects: Partitions,
    ) -> None:
        fetched: Fetched = await consumer.getmany(*effects, timeout_ms=_WAIT, max_records=10 * _AT_ONCE)
        ends = await consumer.end_offsets(causes)
        while any([await consumer.position(each) < ends[each] for each in causes]):
            await self._take(await consumer.getmany(*causes, timeout_ms=_WAIT, max_records=_AT_ONCE))
        await self._take(fetched)
        await self._count_processed(admin)
        await self._end_round(consumer, [*causes, *effects])

    async def _take(self, fetched: Fetched) -> None:
        for partition, records in fetched.items():
            for start in range(0, len(records), _AT_ONCE):
                part = records[start : start + _AT_ONCE]
                await self._store.write(lambda tx, p=partition, r=part: self._store_records(tx, p, r))  # type: ignore[misc]

    def _store_records(self, tx: Transaction, partition: TopicPartition, records: Sequence[Read]) -> None:
        self._projection.take(tx, partition.topic, records)
        tx.advance({(partition.topic, partition.partition): records[-1].offset + 1})

    async def _count_processed(self, admin: AIOKafkaAdminClient) -> None:
        committed = await admin.list_consumer_group_offsets(self._group)
        before = {p.partition: o.offset for p, o in committed.items() if p.topic == self._causes[0]}
        await self._store.write(lambda tx: tx.events_processed(before))

    async def _end_round(self, consumer: AIOKafkaConsumer, partitions: Partitions) -> None:
        behind = [(consumer.highwater(each) or 0) - await consumer.position(each) for each in partitions]
        self.behind = sum(max(each, 0) for each in behind)
        async with self._round:
            self._rounds += 1
            self._round.notify_all()

    # --- a beginning ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaAdminClient, Partitions]]:
        async with self._cluster.admin() as admin:
            partitions = await _partitions(admin, [*self._causes, *self._effects])
            async with self._cluster.reader(*partitions) as consumer:
                cluster = (await admin.describe_cluster())["cluster_id"]
                await self._seek(consumer, f"{cluster}/{self._projection.topology.prefix}", partitions)
                yield consumer, admin, partitions

    async def _seek(self, consumer: AIOKafkaConsumer, origin: str, partitions: Partitions) -> None:
        """Where it left off; from the beginning where it is somebody else's model, or the topics were made anew.
        What the topics have dropped unread is missing here.
        """
        positions = await self._store.write(lambda tx: tx.read_from(origin))
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        if any(positions.get((each.topic, each.partition), 0) > ends[each] for each in partitions):
            log.warning("read_model_begins_anew", reason="the topics are not those that it was read from")
            await self._store.write(lambda tx: tx.forget_read_model())
            positions = {}
        letters = {p.partition: offset for p, offset in begins.items() if p.topic == self._effects[-1]}
        await self._store.write(lambda tx: tx.forget_letters(letters))
        for each in partitions:
            consumer.seek(each, max(positions.get((each.topic, each.partition), 0), begins[each]))


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> Partitions:
    described = await admin.describe_topics(list(topics))
    return [TopicPartition(t["topic"], found["partition"]) for t in described for found in t["partitions"]]

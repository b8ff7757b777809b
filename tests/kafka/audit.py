"""What stands on the topics."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from automations.model.action import ActionRequest
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import ActionRecord, CellRecord, DeadLetter, FiringRecord, Read, kind_of
from automations.runtime.kafka.topics import Topology


class Audit:
    def __init__(self, bootstrap: str, topology: Topology) -> None:
        self.cluster, self.topology = Cluster(bootstrap), topology

    async def records(self, topic: str) -> list[Read]:
        """Every committed record of a topic."""
        found: list[Read] = []
        for partition in range(await self.partitions(topic)):
            async for records in self.cluster.read_all(TopicPartition(topic, partition)):
                found += records
        return found

    async def partitions(self, topic: str) -> int:
        return await self.cluster.partitions(topic)

    async def firings(self) -> list[dict[str, Any]]:
        records = await self.records(self.topology.traces)
        return [FiringRecord.read(r).body for r in records if kind_of(r) == FiringRecord.KIND]

    async def actions(self) -> list[ActionRequest]:
        return [ActionRecord.read(record).action for record in await self.records(self.topology.actions)]

    async def dead_letters(self) -> list[DeadLetter]:
        records = await self.records(self.topology.dead_letters)
        return [DeadLetter.read(record) for record in records if DeadLetter.stands_in(record)]

    async def cells(self) -> dict[tuple[str, str], Any]:
        """The state that a new owner would restore."""
        cells: dict[tuple[str, str], Any] = {}
        for record in await self.records(self.topology.state):
            cell = CellRecord.read(record)
            cells[cell.cell] = None if cell.state is None else orjson.loads(cell.state)
        return {key: state for key, state in cells.items() if state is not None}

    async def lag(self, stage: str) -> int:
        """How many offsets a stage has not committed; 0: committed is the end, markers and all."""
        topic = {
            "match": self.topology.events,
            "evaluate": self.topology.matches,
            "dispatch": self.topology.actions,
        }[stage]
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        reader = AIOKafkaConsumer(bootstrap_servers=self.cluster.bootstrap)
        await admin.start()
        await reader.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(await self.partitions(topic))]
            ends = await reader.end_offsets(partitions)
            done = await admin.list_consumer_group_offsets(self.topology.name(stage), partitions=partitions)
            return sum(ends[each] - max(done[each].offset if each in done else 0, 0) for each in partitions)
        finally:
            await reader.stop()
            await admin.close()

    async def members(self, stage: str) -> int:
        """How many workers take part in a stage."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        await admin.start()
        try:
            (answer,) = await admin.describe_consumer_groups([self.topology.name(stage)])
            ((_, _, _, _, _, members, *_),) = answer.groups
            return len(members)
        finally:
            await admin.close()

    async def drained(self, *stages: str, seconds: float = 60) -> None:
        """Wait until the stages have come to the end of their input, one after the other."""
        for stage in stages or ("match", "evaluate"):
            await until(lambda stage=stage: self._at_end(stage), seconds)  # type: ignore[misc]

    async def _at_end(self, stage: str) -> bool:
        return await self.lag(stage) == 0


async def until(ready: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            if last := await ready():
                return last
        except KafkaError as error:  # the broker is on its way
            last = error
        await asyncio.sleep(0.05)
    raise AssertionError(f"it did not come to pass within {seconds} s; the last answer was {last!r}")


def repeated(values: list[str]) -> list[str]:
    """Those that stand there more than once."""
    return [value for value, times in Counter(values).items() if times > 1]

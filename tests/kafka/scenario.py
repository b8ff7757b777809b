"""The stages at work on a real broker, on time that the test gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from aiokafka import AIOKafkaProducer, TopicPartition
from kafka.audit import Audit

from automations.engine import Index, StateBounds
from automations.model.event import Event
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.evaluate import EvaluateStage
from automations.runtime.kafka.match import MatchStage
from automations.runtime.kafka.partition import Partition
from automations.runtime.kafka.records import EventRecord, Outgoing, Tick
from automations.runtime.kafka.rules import Rules
from automations.runtime.kafka.stage import Stage
from automations.runtime.kafka.tally import Tally
from automations.runtime.kafka.topics import Topology


class FixedRules:
    """Implements `RulesInForce` without a topic."""

    def __init__(self, index: Index) -> None:
        self.current = Rules(index, version=0)

    async def reach(self, version: int) -> None:
        assert version <= self.current.version


class Scenario:
    """Events in one partition, so that they are taken in their order, and matches in all that the topology has.
    No group, no ticker: what is due is ticked by the test.
    """

    def __init__(self, bootstrap: str, topology: Topology, index: Index) -> None:
        self.cluster, self.topology = Cluster(bootstrap), topology
        self.audit = Audit(bootstrap, topology)
        self.rules = FixedRules(index)
        self._tasks: list[asyncio.Task[None]] = []

    async def feed(self, producer: AIOKafkaProducer, events: Iterable[Event]) -> None:
        for event in events:
            await send(producer, replace(EventRecord(event).to(self.topology.events), partition=0))
        await self.audit.drained()

    async def tick(self, producer: AIOKafkaProducer, at: int, *, downtime: bool = False) -> None:
        for number in range(self.topology.partitions):
            await send(producer, Tick(at, downtime).to(self.topology.matches, number))
        await self.audit.drained("evaluate")

    def use(self, index: Index) -> None:
        """Other rules, from now on."""
        self.rules.current = Rules(index, version=self.rules.current.version + 1)

    async def start(self, *stages: str) -> None:
        if not stages or "match" in stages:
            events = TopicPartition(self.topology.events, 0)
            self._begin("match", events, MatchStage(self.topology, self.rules))
        if not stages or "evaluate" in stages:
            for number in range(self.topology.partitions):
                self._begin("evaluate", TopicPartition(self.topology.matches, number), self._evaluate(number))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        done = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in done), done

    async def failures(self) -> list[BaseException]:
        """What ended a partition, once something has."""
        done, rest = await asyncio.wait(self._tasks, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        self._tasks = list(rest)
        return [error for task in done if (error := task.exception())]

    def _begin(self, name: str, source: TopicPartition, stage: Stage) -> None:
        partition = Partition(self.cluster, self.topology.name(name), source, stage, Tally())
        self._tasks.append(asyncio.create_task(partition.run()))

    def _evaluate(self, number: int) -> EvaluateStage:
        changelog = partial(self.cluster.read_all, TopicPartition(self.topology.state, number))
        return EvaluateStage(self.topology, self.rules, number, self.topology.partitions, changelog, StateBounds())


async def send(producer: AIOKafkaProducer, record: Outgoing) -> None:
    await producer.send_and_wait(
        record.topic, record.value, record.key, record.partition, headers=list(record.headers)
    )


@asynccontextmanager
async def running(scenario: Scenario) -> AsyncIterator[AIOKafkaProducer]:
    """The scenario at work, with a producer to feed it."""
    await scenario.start()
    try:
        async with scenario.cluster.producer() as producer:
            yield producer
    finally:
        await scenario.stop()

"""What a worker runs: the rules it follows, the partitions of its stages, the ticks of those that hold state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from automations.engine import StateBounds
from automations.ingest import Limits
from automations.ports import Clock
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.evaluate import EvaluateStage
from automations.runtime.kafka.match import MatchStage
from automations.runtime.kafka.membership import Membership
from automations.runtime.kafka.partition import Partition
from automations.runtime.kafka.rules import RuleFollower
from automations.runtime.kafka.stage import Stage
from automations.runtime.kafka.ticks import Ticker, Watermark
from automations.runtime.kafka.together import together
from automations.runtime.kafka.topics import Topology

S = TypeVar("S", bound=Stage)
DecidingStage = Literal["match", "evaluate"]
BOTH: Final[frozenset[DecidingStage]] = frozenset({"match", "evaluate"})


@dataclass(frozen=True, slots=True)
class StageSettings:
    """`stages`: which of them this worker takes part in."""

    cluster: Cluster
    topology: Topology = field(default_factory=Topology)
    stages: frozenset[DecidingStage] = BOTH
    limits: Limits = field(default_factory=Limits)
    bounds: StateBounds = field(default_factory=StateBounds)


class Stages:
    """Match and evaluate in one worker. `rules` is what it decides by, once `ready` is set."""

    def __init__(self, settings: StageSettings, clock: Clock) -> None:
        self.ready = asyncio.Event()
        self.rules = RuleFollower(settings.cluster, settings.topology)
        self._settings, self._clock = settings, clock

    async def run(self) -> None:
        """Work until cancelled, then end between two transactions. Raises the first thing that went wrong: the
        worker must end for it.
        """
        await together(self.rules.run(self.ready), self._work())

    async def _work(self) -> None:
        await self.ready.wait()
        works = {"match": self._match, "evaluate": self._evaluate}
        await together(*(works[stage]() for stage in sorted(self._settings.stages)))

    # --- match ---------------------------------------------------------------------------------------------

    async def _match(self) -> None:
        topology = self._settings.topology
        await Membership(self._settings.cluster, self._group("match"), topology.events, self._open_match).run()

    def _open_match(self, number: int) -> Partition[MatchStage]:
        topology = self._settings.topology
        stage = MatchStage(topology, self.rules, self._settings.limits)
        return self._partition("match", TopicPartition(topology.events, number), stage)

    # --- evaluate ------------------------------------------------------------------------------------------

    async def _evaluate(self) -> None:
        matches = self._settings.topology.matches
        async with self._settings.cluster.producer() as ticking, self._watermark() as watermark:
            partitions = len(await ticking.partitions_for(matches))
            membership: Membership[EvaluateStage] = Membership(
                self._settings.cluster, self._group("evaluate"), matches, partial(self._open_evaluate, partitions)
            )
            ticker = Ticker(ticking, matches, watermark, lambda: membership.stages)
            await together(membership.run(), ticker.run())

    def _open_evaluate(self, partitions: int, number: int) -> Partition[EvaluateStage]:
        topology = self._settings.topology
        changelog = TopicPartition(topology.state, number)
        stage = EvaluateStage(
            topology,
            self.rules,
            number,
            partitions,
            partial(self._settings.cluster.read_all, changelog),
            self._settings.bounds,
        )
        return self._partition("evaluate", TopicPartition(topology.matches, number), stage)

    @asynccontextmanager
    async def _watermark(self) -> AsyncIterator[Watermark]:
        settings = self._settings
        admin = AIOKafkaAdminClient(**settings.cluster.client_options)
        ends = AIOKafkaConsumer(**settings.cluster.client_options)
        try:
            await admin.start()
            await ends.start()
            yield Watermark(admin, ends, self._group("match"), settings.topology.events, self._clock)
        finally:
            await ends.stop()
            await admin.close()

    # --- both ----------------------------------------------------------------------------------------------

    def _group(self, stage: DecidingStage) -> str:
        return self._settings.topology.name(stage)

    def _partition(self, name: DecidingStage, source: TopicPartition, stage: S) -> Partition[S]:
        return Partition(self._settings.cluster, self._group(name), source, stage)

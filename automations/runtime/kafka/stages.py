"""What a worker runs: the rules it follows, the partitions of its stages, the ticks of those that hold state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from automations.engine import StateBounds
from automations.ingest import Limits
from automations.ports import Clock, WorkerStatus
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.dispatch import Delivering, DispatchStage
from automations.runtime.kafka.ending import end
from automations.runtime.kafka.evaluate import EvaluateStage
from automations.runtime.kafka.ingest import IngestStage, InputTopic, begin
from automations.runtime.kafka.match import MatchStage
from automations.runtime.kafka.membership import Membership
from automations.runtime.kafka.partition import Partition
from automations.runtime.kafka.records import StageName
from automations.runtime.kafka.rules import RuleFollower
from automations.runtime.kafka.stage import Stage
from automations.runtime.kafka.status import status_of
from automations.runtime.kafka.tally import Tally
from automations.runtime.kafka.ticks import Ticker, Watermark
from automations.runtime.kafka.together import together
from automations.runtime.kafka.topics import Topology

S = TypeVar("S", bound=Stage)
ALL: Final[frozenset[StageName]] = frozenset({"match", "evaluate", "dispatch"})


@dataclass(frozen=True, slots=True)
class StageSettings:
    """`stages`: which of them this worker takes part in; who matches also reads the `inputs`."""

    cluster: Cluster
    topology: Topology = field(default_factory=Topology)
    stages: frozenset[StageName] = ALL
    inputs: Sequence[InputTopic] = ()
    limits: Limits = field(default_factory=Limits)
    bounds: StateBounds = field(default_factory=StateBounds)


class Stages:
    """The stages of one worker. `rules` is what it decides by, once `ready` is set."""

    def __init__(self, settings: StageSettings, clock: Clock) -> None:
        self.ready = asyncio.Event()
        self.rules = RuleFollower(settings.cluster, settings.topology)
        self.settings = settings
        self._clock = clock
        self._members: dict[str, Membership[Any]] = {}

    @property
    def status(self) -> WorkerStatus:
        """How it goes now."""
        rules = self.rules.current if self.ready.is_set() else None
        names = [*self._inputs, *sorted(self.settings.stages)]
        return status_of(rules, {name: self._members.get(name) for name in names}, self.settings.topology)

    @property
    def _inputs(self) -> Mapping[str, InputTopic]:
        """By the name of their stage."""
        matches = "match" in self.settings.stages
        return {f"ingest-{each.source}": each for each in self.settings.inputs if matches}

    async def run(self, delivering: Delivering | None = None) -> None:
        """Work until cancelled, then end between two transactions. Raises the first thing that went wrong: the
        worker must end for it. `delivering` is what the stage dispatch takes.
        """
        await together(self.rules.run(self.ready), self._work(delivering))

    async def _work(self, delivering: Delivering | None) -> None:
        await self.ready.wait()
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "match": self._match,
            "evaluate": self._evaluate,
        }
        if delivering is not None:
            works["dispatch"] = partial(self._dispatch, delivering)
        ingesting = [self._ingest(name, given) for name, given in self._inputs.items()]
        await together(*(works[stage]() for stage in sorted(self.settings.stages)), *ingesting)

    # --- ingest --------------------------------------------------------------------------------------------

    async def _ingest(self, name: str, given: InputTopic) -> None:
        await begin(self.settings.cluster, self._group(name), given)
        topology = self.settings.topology
        await self._member(name, given.topic, lambda _number: IngestStage(topology, given)).run()

    # --- match ---------------------------------------------------------------------------------------------

    async def _match(self) -> None:
        await self._member("match", self.settings.topology.events, self._open_match).run()

    def _open_match(self, _number: int) -> MatchStage:
        return MatchStage(self.settings.topology, self.rules, self.settings.limits)

    # --- evaluate ------------------------------------------------------------------------------------------

    async def _evaluate(self) -> None:
        matches = self.settings.topology.matches
        async with self.settings.cluster.producer() as ticking, self._watermark() as watermark:
            partitions = len(await ticking.partitions_for(matches))
            membership = self._member("evaluate", matches, partial(self._open_evaluate, partitions))
            ticker = Ticker(ticking, matches, watermark, lambda: membership.stages)
            await together(membership.run(), ticker.run())

    def _open_evaluate(self, partitions: int, number: int) -> EvaluateStage:
        topology, bounds = self.settings.topology, self.settings.bounds
        changelog = partial(self.settings.cluster.read_all, TopicPartition(topology.state, number))
        return EvaluateStage(topology, self.rules, number, partitions, changelog, bounds)

    @asynccontextmanager
    async def _watermark(self) -> AsyncIterator[Watermark]:
        settings = self.settings
        admin = AIOKafkaAdminClient(**settings.cluster.client_options)
        ends = AIOKafkaConsumer(**settings.cluster.client_options)
        try:
            await admin.start()
            await ends.start()
            reading = {self._group(f"ingest-{each.source}"): each.topic for each in settings.inputs}
            reading[self._group("match")] = settings.topology.events
            yield Watermark(admin, ends, reading, self._clock)
        finally:
            await end(ends)
            await admin.close()

    # --- dispatch ------------------------------------------------------------------------------------------

    async def _dispatch(self, delivering: Delivering) -> None:
        await self._member(
            "dispatch", self.settings.topology.actions, partial(self._open_dispatch, delivering)
        ).run()

    def _open_dispatch(self, delivering: Delivering, number: int) -> DispatchStage:
        topology = self.settings.topology
        settled = partial(self.settings.cluster.read_all, TopicPartition(topology.dispatched, number))
        return DispatchStage(topology, number, settled, delivering, self._clock)

    # --- all -----------------------------------------------------------------------------------------------

    def _group(self, stage: str) -> str:
        return self.settings.topology.name(stage)

    def _member(self, name: str, topic: str, open_stage: Callable[[int], S]) -> Membership[S]:
        cluster, group, tally = self.settings.cluster, self._group(name), Tally()

        def open_partition(number: int) -> Partition[S]:
            return Partition(cluster, group, TopicPartition(topic, number), open_stage(number), tally)

        self._members[name] = member = Membership(cluster, group, topic, open_partition, tally)
        return member

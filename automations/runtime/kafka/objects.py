"""What actions about our own objects act on where the engine is a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from automations.errors import NotFoundError
from automations.model.event import Event
from automations.model.job import Run
from automations.ports import Jobs, PausableKind
from automations.rulefiles import suggestion
from automations.runtime.kafka import rules
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.gateway import Gateway
from automations.runtime.kafka.rules import RulesInForce
from automations.runtime.kafka.topics import Topology


@dataclass(frozen=True, slots=True)
class ClusterObjects:
    """Automations are those of the topic of rules, and a pause is a record there: all workers heed it. Runs are
    those of this worker.
    """

    cluster: Cluster
    topology: Topology
    rules: RulesInForce
    jobs: Jobs
    gateway: Gateway
    cancel: Callable[[str], Awaitable[Run]]

    def named(self, kind: PausableKind, name: str) -> str:
        """Return an object's whole name; NotFoundError suggests, ConflictError where several have the name."""
        if kind == "deployment":
            return self.jobs.deployment(name).name
        if kind == "work-pool":
            return self.jobs.work_pool(name).name
        known = self.rules.current.index.programs
        if name not in known:
            raise NotFoundError(f"there is no automation named {name!r}", hint=suggestion(name, sorted(known)))
        return name

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume at all workers."""
        await rules.set_paused(self.cluster, self.topology, kind, self.named(kind, name), paused)

    async def cancel_run(self, run: str) -> Run:
        """Cancel a run of this worker; NotFoundError for one of another's."""
        return await self.cancel(run)

    async def emit(self, event: Event) -> None:
        """Write an event onto the topic; KafkaUnreachableError."""
        await self.gateway.accept([event])

"""The worker of the Kafka runtime. `require_kafka` comes before this is imported."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final

import structlog

from automations.engine import StateBounds
from automations.ingest import Item, Limits
from automations.logs import configure_logs
from automations.runtime.kafka.dispatch import Delivering
from automations.runtime.kafka.ingest import InputTopic
from automations.runtime.kafka.records import Read, StageName
from automations.runtime.kafka.stages import ALL, Stages, StageSettings
from automations.runtime.kafka.worker import run_worker
from automations.server import create_worker
from automations.settings import Settings
from automations.sources import load_sources
from automations.sources.kafka.reading import read_record
from automations.sources.kafka.subscription import KafkaSubscription
from automations.store import SqliteStore
from automations.wiring.application import HttpServer, is_loopback, own_url, server_settings
from automations.wiring.clock import SystemClock
from automations.wiring.databases import require_own
from automations.wiring.delivery import Delivery
from automations.wiring.kafka import cluster_of, topology_of
from automations.wiring.serving import listen, refuse_open_door

log = structlog.get_logger()

_STAGES: Final[Mapping[str, frozenset[StageName]]] = {
    "all": ALL,
    "match": frozenset({"match"}),
    "evaluate": frozenset({"evaluate"}),
    "dispatch": frozenset({"dispatch"}),
}
_CLOSING: Final = 2.0
"""Seconds that requests have to end."""


def work(settings: Settings, stage: str) -> int:
    """Run a worker for some stages until a signal ends it; returns the exit code. `stage`: `all`, or one of them.

    TopicsError where the topics are not as they must be, KafkaUnreachableError, SettingsError, RuleFileErrors.
    """
    configure_logs(settings.log_level, settings.log_format)
    clock = SystemClock()
    bounds = StateBounds(settings.lateness, settings.state_retention)
    limits = Limits(settings.max_event_bytes)
    inputs = _inputs(settings, limits, clock)
    chosen = StageSettings(cluster_of(settings), topology_of(settings), _STAGES[stage], inputs, limits, bounds)
    stages = Stages(chosen, clock)
    return run_worker(stages, WorkerApplication(settings, stages, clock).around)


def _inputs(settings: Settings, limits: Limits, clock: SystemClock) -> Sequence[InputTopic]:
    """The topics that `sources.yaml` declares. What comes in elsewhere is the gateway's, secrets and all."""
    sources = load_sources(settings.path("sources"), os.environ, only="kafka")

    def reader(subscription: KafkaSubscription) -> Callable[[Read], Sequence[Item]]:
        return lambda record: read_record(record, subscription, now=clock.now(), limits=limits)

    return [
        InputTopic(name, each.topic, reader(each), from_end=each.start == "latest")
        for name, each in sources.kafka.items()
    ]


class WorkerApplication:
    """What stands around the stages: HTTP, and what dispatch delivers by. It has a store where it delivers, or
    where keys are asked for.
    """

    def __init__(self, settings: Settings, stages: Stages, clock: SystemClock) -> None:
        """SettingsError, RuleFileErrors."""
        self.settings = settings
        self._stages, self._clock = stages, clock
        delivers = "dispatch" in stages.settings.stages
        self._delivery = Delivery(settings, stages, clock) if delivers else None

    @property
    def _database(self) -> Path:
        return self.settings.directory / self.settings.kafka.worker_db

    @asynccontextmanager
    async def around(self) -> AsyncIterator[Delivering | None]:
        """Open all of it, and close it in turn. AutomationsError."""
        async with AsyncExitStack() as stack:
            store = None
            if self._delivery is not None or not is_loopback(self.settings.host):
                store = SqliteStore.open(self._database, clock=self._clock)
                stack.push_async_callback(store.close)
                await require_own(store, self._database)
                await refuse_open_door(self.settings, store)
            await stack.enter_async_context(self._serving(store))
            if self._delivery is None or store is None:
                yield None
                return
            delivering = await self._delivery.start(store)
            stack.push_async_callback(self._delivery.stop)
            yield delivering

    @asynccontextmanager
    async def _serving(self, store: SqliteStore | None) -> AsyncIterator[None]:
        with closing(listen(self.settings.host, self.settings.port)) as listener:
            status, settings = lambda: self._stages.status, server_settings(self.settings)
            app = create_worker(status, store, self._delivery, settings, self._clock)
            listener.listen()  # whoever reads the address in the log may call there
            server = HttpServer(app, listener)
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
            log.info("worker_started", url=own_url(*listener.getsockname()[:2]))
            try:
                yield
            finally:
                server.should_exit = True
                await asyncio.wait([serving], timeout=_CLOSING)

"""What the stage dispatch delivers by: the sinks, the process pool, and a store of the worker's own for both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from automations.errors import AutomationsError, StoreUnavailableError
from automations.model.job import Run
from automations.model.moment import SECOND
from automations.runtime.background import keep_running
from automations.runtime.clock_steps import ClockSteps
from automations.runtime.dispatch import Dispatcher
from automations.runtime.embedded import EmbeddedEngine
from automations.runtime.kafka.claims import Claims
from automations.runtime.kafka.dispatch import Delivering
from automations.runtime.kafka.forward import Forwarder
from automations.runtime.kafka.gateway import Gateway
from automations.runtime.kafka.objects import ClusterObjects
from automations.runtime.kafka.outbox import Outbox
from automations.runtime.kafka.stages import Stages
from automations.runtime.kafka.writer import Writer
from automations.runtime.reload import watch
from automations.settings import Settings
from automations.sinks.own import OwnSink
from automations.sinks.process import ProcessPool
from automations.store import SqliteStore
from automations.wiring.clock import SystemClock
from automations.wiring.databases import purge
from automations.wiring.loading import load_deployments
from automations.wiring.project import Project
from automations.wiring.sinks import bindings_of, routes_of, secret_of

log = structlog.get_logger()

_LAST_EVENTS: Final = 3.0
"""Seconds that the last events of runs have to be written; what is left is written by the next life."""


async def _cannot_yet(_run: str) -> Run:
    raise StoreUnavailableError("the worker has not begun yet")


class Delivery:
    """The embedded engine's way from the outbox on, without its rules: those are the cluster's. `start` and `stop`
    are called once each.
    """

    def __init__(self, settings: Settings, stages: Stages, clock: SystemClock) -> None:
        """SettingsError, RuleFileErrors with what is wrong with sinks and deployments."""
        self._settings, self._stages, self._clock = settings, stages, clock
        self._project = Project(settings, clock, load_deployments)
        self._bindings = bindings_of(settings, self._project.jobs, clock)
        self._routes = routes_of(settings, self._bindings)
        self._cancel: Callable[[str], Awaitable[Run]] = _cannot_yet

    async def start(self, store: SqliteStore) -> Delivering:
        """Take up what an earlier life left."""
        cluster, topology = self._stages.settings.cluster, self._stages.settings.topology
        settings, clock, jobs = self._settings, self._clock, self._project.jobs
        engine = EmbeddedEngine(store, jobs, clock, sink_of=self._routes)
        local = {name: binding for name, binding in self._bindings.items() if binding.sink.local}
        remote = {name: binding for name, binding in self._bindings.items() if name not in local}
        self._writer = Writer(cluster)
        gateway = Gateway(self._writer, topology.events)
        self._forwarder = Forwarder(store, gateway)
        self._pool = ProcessPool(
            store,
            jobs,
            engine.record,
            clock,
            limit=settings.pool_limit,
            read_secret=lambda reference: secret_of(reference, settings),
        )
        outbox = Outbox(store, clock, self._wake)
        self._dispatcher = Dispatcher(
            store,
            remote,
            clock,
            random=random.random,
            add_run=engine.add_run,
            on_settled=outbox.settled,
            elsewhere=local,
        )
        self._cancel = engine.cancel_run
        engine.connect(on_actions=self._forwarder.wake, on_runs=self._run_soon, on_cancel=self._pool.cancel)
        objects = ClusterObjects(cluster, topology, self._stages.rules, jobs, gateway, engine.cancel_run)
        for binding in remote.values():
            if isinstance(binding.sink, OwnSink):
                binding.sink.connect(objects)
        await self._project.start(store, engine)
        await outbox.forget(remote)
        claims = {
            name: Claims(store, name, binding.sink, clock, engine.add_run, self._run_soon)
            for name, binding in local.items()
        }
        for each in claims.values():
            await each.recover(partial(cluster.read_topic, topology.dispatched))
        self._begin(store)
        return Delivering(outbox, claims, self._routes, lambda: self._dispatcher.under_way)

    def _begin(self, store: SqliteStore) -> None:
        steps = ClockSteps(store, self._clock, self._wake)
        self._tasks = [
            asyncio.create_task(keep_running(name, work), name=name)
            for name, work in (
                ("clock", steps.run),
                ("pool", self._pool.run),
                ("forward", self._forwarder.run),
                ("pauses", self._follow_pauses),
                ("reload", self._watch),
                ("retention", lambda: purge(store, self._settings)),
            )
        ]
        self._dispatcher.start()

    async def cancel_run(self, run: str) -> Run:
        """Cancel a run of this worker; NotFoundError, ConflictError when it has ended."""
        return await self._cancel(run)

    async def stop(self) -> None:
        """Let what is under way end."""
        grace = self._settings.drain / SECOND / 4
        await self._dispatcher.stop(grace)
        await self._pool.stop(grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError, AutomationsError):
            async with asyncio.timeout(_LAST_EVENTS):
                await self._forwarder.forward()
        await asyncio.gather(*(binding.sink.close() for binding in self._bindings.values()))
        await self._writer.close()

    def _wake(self) -> None:
        self._dispatcher.wake()
        self._pool.wake()

    def _run_soon(self) -> None:
        self._pool.wake()
        self._forwarder.wake()

    # --- in the background --------------------------------------------------------------------------------

    async def _follow_pauses(self) -> None:
        version = -1
        while True:
            rules = await self._stages.rules.after(version)
            version = rules.version
            self._project.jobs.set_pauses(dict.fromkeys(rules.pauses, True))
            self._pool.wake()

    async def _watch(self) -> None:
        await watch([self._settings.path("deployments")], self._project.reload)

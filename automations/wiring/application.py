"""The embedded engine with everything around it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import random
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from automations.engine import StateBounds
from automations.ingest import Limits
from automations.model.moment import SECOND
from automations.runtime.background import keep_running
from automations.runtime.clock_steps import ClockSteps
from automations.runtime.dispatch import Dispatcher
from automations.runtime.embedded import Bounds, EmbeddedEngine
from automations.runtime.reload import watch
from automations.runtime.ticker import Ticker
from automations.server import ServerSettings, create_app
from automations.settings import Settings
from automations.sinks.own import OwnSink
from automations.sinks.process import ProcessPool
from automations.store import SqliteStore
from automations.wiring.clock import SystemClock
from automations.wiring.databases import purge, require_own
from automations.wiring.fetched_sources import FetchedSources
from automations.wiring.kafka_clients import kafka_client_options
from automations.wiring.project import Project
from automations.wiring.sinks import bindings_of, routes_of, secret_of

_LEDGER_EVERY: Final = 1.0


class Application:
    """The embedded engine with everything around it. `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clock = SystemClock()
        self._project = Project(settings, self._clock)
        jobs = self._project.jobs
        early = "AUTOMATIONS_TEST_ACK_BEFORE_COMMIT" in os.environ
        self.store = SqliteStore.open(
            settings.path("db"), clock=self._clock, acknowledge="before-commit" if early else "after-commit"
        )
        self._bindings = bindings_of(settings, jobs, self._clock)
        self._engine = EmbeddedEngine(
            self.store,
            jobs,
            self._clock,
            sink_of=routes_of(settings, self._bindings),
            bounds=Bounds(settings.backlog, settings.backlog_bytes, settings.backlog),
            state_bounds=StateBounds(settings.lateness, settings.state_retention),
        )
        self.store.add_rollback_listener(self._engine.forget_cells)
        self._dispatcher = Dispatcher(
            self.store,
            self._bindings,
            self._clock,
            random=random.random,
            add_run=self._engine.add_run,
            on_settled=lambda _action, _delivery: self._pool.wake(),
        )
        self._pool = ProcessPool(
            self.store,
            jobs,
            self._engine.record,
            self._clock,
            limit=settings.pool_limit,
            read_secret=lambda r: secret_of(r, settings),
        )
        for binding in self._bindings.values():
            if isinstance(binding.sink, OwnSink):
                binding.sink.connect(self._engine)
        self._engine.connect(
            on_actions=self._dispatcher.wake, on_runs=self._pool.wake, on_cancel=self._pool.cancel
        )
        self._ticker = Ticker(self._engine.tick, self._clock)
        self._engine.processor.on_deadline = self._ticker.expect
        self._sources = FetchedSources(
            self._engine,
            self.store,
            self._clock,
            Limits(settings.max_event_bytes),
            random=random.random,
            read_secret=lambda reference: secret_of(reference, settings),
            kafka=lambda: kafka_client_options(settings),
        )
        self._clock_steps = ClockSteps(self.store, self._clock, self._wake)
        self._tasks: list[asyncio.Task[None]] = []
        self._server: HttpServer | None = None

    async def check(self) -> None:
        """SettingsError where the database is none of an engine's."""
        await require_own(self.store, self.settings.path("db"))

    async def start(self, listener: socket.socket) -> None:
        """Take up what an earlier life left, then open the door."""
        self._pool.serve_at(own_url(*listener.getsockname()[:2]))
        self._sources.hold_time(self._project.loaded.sources.holding_time)
        await self._project.start(self.store, self._engine)
        self._sources.follow(self._project.loaded.sources)
        self._tasks = [
            asyncio.create_task(keep_running(name, work), name=name)
            for name, work in (
                ("clock", self._clock_steps.run),
                ("ticker", self._ticker.run),
                ("pool", self._pool.run),
                ("reload", self._watch),
                ("backlog", self._refresh_backlog),
                ("retention", lambda: purge(self.store, self.settings)),
            )
        ]
        self._dispatcher.start()
        self._server = HttpServer(self._app(), listener)
        self._tasks.append(asyncio.create_task(self._server.serve(sockets=[listener]), name="http"))

    def _app(self) -> Any:
        project = self._project
        return create_app(
            self._engine,
            self.store,
            project.jobs,
            project,
            lambda: project.loaded.sources.webhooks,
            server_settings(self.settings),
            self._clock,
        )

    async def stop(self) -> None:
        """Drain: take nothing more, let what is under way end, commit, close."""
        grace = self.settings.drain / SECOND
        if self._server is not None:
            self._server.should_exit = True
            self._engine.processor.feed.publish(None)
            await asyncio.wait([self._tasks[-1]], timeout=grace / 2)
        await self._sources.stop()
        await self._dispatcher.stop(grace / 4)
        await self._pool.stop(grace / 4)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(binding.sink.close() for binding in self._bindings.values()))
        await self.store.close()

    def _wake(self) -> None:
        self._dispatcher.wake()
        self._pool.wake()

    # --- in the background --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        settings = self.settings
        await watch([settings.path("rules"), settings.path("deployments"), settings.path("sources")], self._reload)

    async def _reload(self) -> None:
        await self._project.reload()
        self._sources.follow(self._project.loaded.sources)

    async def _refresh_backlog(self) -> None:
        while True:
            ledger = await self.store.reads.ledger()
            self._engine.pending_actions = ledger.planned - ledger.delivered - ledger.dead
            self._engine.pending_bytes = ledger.backlog_bytes
            await asyncio.sleep(_LEDGER_EVERY)


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handling: a shutdown drains more than HTTP."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self.address = listener.getsockname()[:2]
        super().__init__(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def server_settings(settings: Settings) -> ServerSettings:
    """What the server is told of the settings."""
    return ServerSettings(
        max_event_bytes=settings.max_event_bytes,
        max_body_bytes=max(1024 * 1024, settings.max_event_bytes),
        require_keys=not is_loopback(settings.host),
        allowed_hosts=frozenset(settings.allowed_hosts),
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_url(host: str, port: int) -> str:
    """The address at which what runs on this machine finds the engine."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"

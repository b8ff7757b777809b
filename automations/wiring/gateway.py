"""The gateway: the doors of an engine that is a Kafka cluster. `require_kafka` comes before this is imported."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Final

import structlog

from automations.errors import AutomationsError, RuleFileErrors
from automations.ingest import Limits
from automations.model.moment import SECOND
from automations.runtime.background import keep_running
from automations.runtime.feed import Feed
from automations.runtime.kafka.gateway import Gateway
from automations.runtime.kafka.operations import ClusterOperations
from automations.runtime.kafka.projection import Projection
from automations.runtime.kafka.read_model import ReadModel
from automations.runtime.kafka.rules import RuleFollower
from automations.runtime.kafka.topics import check
from automations.runtime.kafka.unreachable import KafkaUnreachableError, reaching
from automations.runtime.kafka.writer import Writer
from automations.runtime.reload import watch
from automations.server import create_gateway
from automations.settings import Settings
from automations.sources import load_sources
from automations.store import SqliteStore
from automations.wiring.application import HttpServer, server_settings
from automations.wiring.clock import SystemClock
from automations.wiring.databases import purge, require_read_model
from automations.wiring.kafka import cluster_of, topology_of

log = structlog.get_logger()

_READY: Final = 5.0
"""Seconds that Kafka has to answer."""


class GatewayApplication:
    """Has the shape of `Application`. Its store holds the API keys, and what the cluster says; its sources are
    webhooks.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._cluster, self._topology = cluster_of(settings), topology_of(settings)
        self._sources = load_sources(settings.path("sources"), os.environ)
        self._clock = SystemClock()
        self.store = SqliteStore.open(settings.path("db"), clock=self._clock)
        self._feed = Feed()
        projection = Projection(self._topology, Limits(settings.max_event_bytes), self._feed)
        self._read_model = ReadModel(self._cluster, projection, self.store)
        self._rules = RuleFollower(self._cluster, self._topology)
        self._tasks: list[asyncio.Task[None]] = []

    async def check(self) -> None:
        """SettingsError where the database is none of a gateway's."""
        await require_read_model(self.store, self.settings.path("db"))

    async def start(self, listener: socket.socket) -> None:
        """Open the door; TopicsError where the topics are not as they must be, KafkaUnreachableError."""
        try:
            await check(self._cluster.bootstrap, self._topology, connection=self._cluster.connection)
        except AutomationsError:
            await self.store.close()
            raise
        if fetched := [*self._sources.prefect, *self._sources.plug_ins]:
            log.warning("sources_not_followed", sources=fetched, reason="a gateway takes what is posted to it")
        self._writer = Writer(self._cluster)
        self._gateway = Gateway(self._writer, self._topology.events)
        self._server = HttpServer(self._app(), listener)
        self._tasks = [
            asyncio.create_task(keep_running(name, work), name=name)
            for name, work in (
                ("reload", self._watch),
                ("rules", self._follow_rules),
                ("read model", self._read_model.run),
                ("retention", lambda: purge(self.store, self.settings)),
            )
        ]
        self._tasks.append(asyncio.create_task(self._server.serve(sockets=[listener]), name="http"))

    async def stop(self) -> None:
        """Answer what is under way, close."""
        self._server.should_exit = True
        self._feed.publish(None)
        await asyncio.wait([self._tasks[-1]], timeout=self.settings.drain / SECOND / 2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.close()
        await self.store.close()

    def _app(self) -> Any:
        operations = ClusterOperations(self._cluster, self._topology, self._rules, self._read_model, self._feed)
        return create_gateway(
            self._gateway,
            operations,
            self.store,
            lambda: self._sources.webhooks,
            server_settings(self.settings),
            self._clock,
            ready=self._missing,
            behind=lambda: self._read_model.behind,
        )

    async def _follow_rules(self) -> None:
        with reaching(self._cluster.bootstrap):
            await self._rules.run(asyncio.Event())

    async def _missing(self) -> str | None:
        try:
            async with asyncio.timeout(_READY):
                await self._gateway.reach()
        except (KafkaUnreachableError, TimeoutError) as error:
            log.warning("kafka_unreachable", error=str(error))
            return "Kafka does not answer"
        return None

    async def _watch(self) -> None:
        await watch([self.settings.path("sources")], self._reload)

    async def _reload(self) -> None:
        """A file with an error leaves the sources that were."""
        try:
            self._sources = load_sources(self.settings.path("sources"), os.environ)
        except RuleFileErrors as errors:
            for problem in errors.problems:
                log.error("sources_rejected", code=problem.code, problem=str(problem))

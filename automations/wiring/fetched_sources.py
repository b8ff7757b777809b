"""The sources that fetch their events: those that the file declares, as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from automations.ingest import Limits
from automations.model.secret import SecretReference
from automations.ports import Clock, Intake, Source, SourceContext, Store
from automations.runtime.background import keep_running
from automations.sources import Sources
from automations.sources.kafka.subscription import KafkaSubscription
from automations.sources.plug_in import PlugInSource
from automations.sources.prefect import PrefectSource, PrefectSubscription


class FetchedSources:
    """Runs each in a task of its own."""

    def __init__(
        self,
        intake: Intake,
        store: Store,
        clock: Clock,
        limits: Limits,
        *,
        random: Callable[[], float],
        read_secret: Callable[[SecretReference], str],
        kafka: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`kafka` returns what clients of the settings' cluster are made with; SettingsError."""
        self._intake, self._store, self._clock = intake, store, clock
        self._limits, self._random, self._read_secret = limits, random, read_secret
        self._kafka_options = kafka
        self._running: dict[Hashable, asyncio.Task[None]] = {}
        self._held: set[str] = set()

    def hold_time(self, names: Iterable[str]) -> None:
        """Before the engine starts: what came due in its absence waits for the events of its absence."""
        for name in names:
            self._intake.hold_time(name)
            self._held.add(name)

    def follow(self, sources: Sources) -> None:
        """Begin what is declared and does not run; end what is declared no more, or otherwise."""
        declared = dict(self._declared(sources))
        for name in self._held - sources.holding_time:
            self._intake.release_time(name)
        self._held.clear()
        for gone in self._running.keys() - declared.keys():
            self._running.pop(gone).cancel()
        for new in declared.keys() - self._running.keys():
            name, make = declared[new]
            task = keep_running(f"source {name}", lambda make=make: make().run())  # type: ignore[misc]
            self._running[new] = asyncio.create_task(task, name=f"source {name}")

    def _declared(self, sources: Sources) -> Iterator[tuple[Hashable, tuple[str, Callable[[], Source]]]]:
        for name, subscription in sources.prefect.items():
            yield subscription, (name, partial(self._prefect, subscription))
        for name, topic in sources.kafka.items():
            yield topic, (name, partial(self._kafka, topic, self._kafka_options()))
        for name, plug_in in sources.plug_ins.items():
            yield plug_in, (name, partial(plug_in.make, self._context(plug_in)))

    def _prefect(self, subscription: PrefectSubscription) -> Source:
        return PrefectSource(
            subscription, self._intake, self._store, self._clock, limits=self._limits, random=self._random
        )

    def _kafka(self, subscription: KafkaSubscription, options: Mapping[str, Any]) -> Source:
        from automations.sources.kafka.source import KafkaSource

        return KafkaSource(
            subscription,
            self._intake,
            self._store,
            self._clock,
            client_options=options,
            limits=self._limits,
            random=self._random,
        )

    def _context(self, plug_in: PlugInSource) -> SourceContext:
        cursor = partial(self._store.reads.source_cursor, plug_in.name)
        return SourceContext(plug_in.name, self._intake, self._clock, cursor, self._read_secret)

    async def stop(self) -> None:
        """End them all, and wait until they have."""
        tasks = list(self._running.values())
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

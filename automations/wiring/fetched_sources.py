"""The Prefect sources that run: those that the file declares, as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from automations.ingest import Limits
from automations.ports import Clock, Intake, Store
from automations.runtime.background import keep_running
from automations.sources.prefect import PrefectSource, PrefectSubscription


class PrefectSources:
    """Follows each declared Prefect server in a task of its own."""

    def __init__(
        self, intake: Intake, store: Store, clock: Clock, limits: Limits, *, random: Callable[[], float]
    ) -> None:
        self._intake, self._store, self._clock = intake, store, clock
        self._limits, self._random = limits, random
        self._running: dict[PrefectSubscription, asyncio.Task[None]] = {}
        self._held: set[str] = set()

    def hold_time(self, names: Iterable[str]) -> None:
        """Before the engine starts: what came due in its absence waits for the events of its absence."""
        for name in names:
            self._intake.hold_time(name)
            self._held.add(name)

    def follow(self, declared: Mapping[str, PrefectSubscription]) -> None:
        """Begin what is declared and does not run; end what is declared no more, or otherwise."""
        wanted = set(declared.values())
        for name in self._held - declared.keys():
            self._intake.release_time(name)
        self._held.clear()
        for gone in self._running.keys() - wanted:
            self._running.pop(gone).cancel()
        for new in wanted - self._running.keys():
            source = PrefectSource(
                new, self._intake, self._store, self._clock, limits=self._limits, random=self._random
            )
            name = f"source {source.name}"
            self._running[new] = asyncio.create_task(keep_running(name, source.run), name=name)

    async def stop(self) -> None:
        """End them all, and wait until they have."""
        tasks = list(self._running.values())
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

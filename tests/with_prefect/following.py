"""An engine on a store of its own that follows a Prefect server: begun, ended and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from automations.deploy import ReloadableJobs
from automations.ingest import Limits
from automations.model.event import Event
from automations.model.moment import format_moment
from automations.model.ruleset import RuleSet
from automations.runtime.embedded import EmbeddedEngine
from automations.sources.prefect import PrefectSource, PrefectSubscription
from automations.store import SqliteStore
from automations.wiring.clock import SystemClock


class Life:
    """One life of our side: from opening the store to closing it."""

    def __init__(self, store: SqliteStore, engine: EmbeddedEngine, source: PrefectSource) -> None:
        self.store, self.engine, self.source = store, engine, source

    async def events(self, name: str) -> list[Event]:
        """All stored events of a name, which may hold `*`, in the order in which they came."""
        found: list[Event] = []
        cursor: str | None = None
        while True:
            page = await self.store.reads.events(limit=500, cursor=cursor, name=name)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found[::-1]

    async def until(self, ready: Callable[[], Any], seconds: float = 60) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := await ready()):
                await asyncio.sleep(0.05)
            return found

    async def until_events(self, name: str, number: int, seconds: float = 60) -> list[Event]:
        async def enough() -> list[Event] | None:
            found = await self.events(name)
            return found if len(found) >= number else None

        found: list[Event] = await self.until(enough, seconds)
        return found


@asynccontextmanager
async def following(path: Path, url: str, rules: RuleSet | None = None, **options: Any) -> AsyncIterator[Life]:
    clock = SystemClock()
    store = SqliteStore.open(path, clock=clock)
    engine = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of={})
    store.add_rollback_listener(engine.forget_cells)
    subscription = PrefectSubscription("prefect", url, **options)
    source = PrefectSource(subscription, engine, store, clock, limits=Limits(), random=lambda: 0.0)
    engine.hold_time(source.name)
    await engine.start(rules or RuleSet())
    task = asyncio.create_task(source.run())
    try:
        yield Life(store, engine, source)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


def emitted(name: str, resource: str = "thing.1", **more: Any) -> dict[str, Any]:
    occurred = format_moment(SystemClock().now())
    identity = {"id": str(uuid4()), "event": name, "occurred": occurred}
    return {**identity, "resource": {"prefect.resource.id": resource}, "payload": {}, **more}

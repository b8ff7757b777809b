"""The peer that `call-webhook` reaches: it records every delivery before it answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


class Receiver:
    """Counts effects as a peer that honours keys does: once for each Idempotency-Key. A delivery without a key is
    an effect of its own, since nothing tells that it was there before.
    """

    def __init__(self) -> None:
        self.url = ""
        self.on_delivery: Callable[[], None] = lambda: None
        self.deliveries: Counter[str] = Counter()
        self._keys: defaultdict[str, set[str]] = defaultdict(set)

    async def take(self, request: web.Request) -> web.Response:
        """Record one delivery, and tell of it before the sender has the answer."""
        event = (await request.json())["event"]
        self.deliveries[event] += 1
        key = request.headers.get("Idempotency-Key") or f"delivery {self.deliveries[event]}"
        self._keys[event].add(key)
        self.on_delivery()
        return web.Response(status=204)

    def effects(self, event: str) -> int:
        """Return how often the event has taken effect."""
        return len(self._keys[event])

    @property
    def keys(self) -> frozenset[str]:
        """Return all keys that came."""
        return frozenset(key for keys in self._keys.values() for key in keys)

    @property
    def shared_keys(self) -> int:
        """Return how many keys came with more than one event: none should."""
        owners = Counter(key for keys in self._keys.values() for key in keys if not key.startswith("delivery "))
        return sum(count > 1 for count in owners.values())


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listen on the loopback."""
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/hook", taking.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield taking
    finally:
        await runner.cleanup()

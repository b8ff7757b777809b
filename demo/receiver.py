"""Somebody else's server on the loopback: it takes what `call-webhook` sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Receiver:
    """`received` holds (Idempotency-Key, body) of each request."""

    url: str = ""
    received: asyncio.Queue[tuple[str, Any]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        """Take one request."""
        self.received.put_nowait((request.headers.get("Idempotency-Key", ""), await request.json()))
        return web.Response(status=204)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listen while the demo runs."""
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/ready", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ready"
        yield taking
    finally:
        await runner.cleanup()

"""A network that fails, in front of a real Prefect server: a reverse proxy that can be told how."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

_DROPPED = {"host", "content-length", "transfer-encoding", "connection"}


class FaultyNetwork:
    """`url` leads to the server's API. `fault` says what befalls requests from now on, `only` on which paths:

    busy (429 with Retry-After: 7), unavailable (503), error (500), reset, silence, reject (400), no-route (404),
    no-method (405), and, once the server has done what it was asked for, answer-lost (the connection breaks).
    """

    def __init__(self, server: str) -> None:
        self._server = server.removesuffix("/api")
        self.fault, self.only = "", ""
        self.seen: list[str] = []
        self.authorization: str | None = None
        self.over = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self) -> None:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{tail:.*}", self._answer)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/api"

    async def stop(self) -> None:
        self.over.set()
        self.gate.set()
        await self._client.close()
        await self._runner.cleanup()

    def fail(self, fault: str, only: str = "") -> None:
        self.fault, self.only = fault, only

    def requests(self, ending: str) -> int:
        """How many requests came in whose method and path end so."""
        return sum(request.endswith(ending) for request in self.seen)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        self.authorization = request.headers.get("Authorization")
        await self.gate.wait()
        fault = self.fault if request.path.endswith(self.only) else ""
        status = {"busy": 429, "unavailable": 503, "error": 500, "reject": 400, "no-route": 404, "no-method": 405}
        if fault in status:
            return web.Response(status=status[fault], headers={"Retry-After": "7"} if fault == "busy" else {})
        if fault == "silence":
            await self.over.wait()
        if fault == "reset":
            return _broken(request)
        answer = await self._forwarded(request)
        return _broken(request) if fault == "answer-lost" else answer

    async def _forwarded(self, request: web.Request) -> web.Response:
        """Pass it on. On SQLite the server answers 503 now and then: asked again, it shows no fault but ours."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}
        body = await request.read()
        for _ in range(100):
            async with self._client.request(
                request.method, self._server + request.raw_path, data=body, headers=headers
            ) as response:
                kept = {"Content-Type": response.headers.get("Content-Type", "application/json")}
                answer = web.Response(status=response.status, body=await response.read(), headers=kept)
            if answer.status != 503:
                break
            await asyncio.sleep(0.1)
        return answer


def _broken(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()

"""The engine as a process of its own, and its HTTP API."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

ROOT: Final = Path(__file__).resolve().parent.parent
USUAL_PORT: Final = 4280
READY_WITHIN: Final = 20.0
STOPPED_WITHIN: Final = 15.0
HAPPENS_WITHIN: Final = 20.0
_LOOK_EVERY: Final = 0.05

T = TypeVar("T")


class DemoError(Exception):
    """Something that the demo promises did not happen."""


def free_port() -> int:
    """Return the usual port, which the commands look at by default, else any that is free."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no port is free on 127.0.0.1")


class EngineProcess:
    """`automations serve` on the repository's own rules, with a database in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.hook_token = secrets.token_hex(16)
        self._log = folder / "engine.log"
        self._command = [
            *(sys.executable, "-m", "automations", "serve", "-C", str(ROOT)),
            *("--db", str(folder / "automations.db"), "--port", str(self.port)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with a token for the webhook source, and its webhook sink open to the demo's own receiver."""
        sinks = {"webhook": {"type": "webhook", "allow_http": True, "allow": ["127.0.0.0/8"]}}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOMATIONS_")}
        environment = {**kept, "GITHUB_HOOK_TOKEN": self.hook_token, "AUTOMATIONS_SINKS": json.dumps(sinks)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)

    def check(self) -> None:
        """Raise DemoError, with its last words, when it has ended."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise DemoError(f"the engine ended with exit code {code}:\n{self.last_words()}")

    async def wait(self) -> None:
        """Return when it ends."""
        while self._process is not None and self._process.poll() is None:
            await asyncio.sleep(_LOOK_EVERY)

    async def stop(self) -> int | None:
        """Ask it to end by SIGTERM and return its exit code; None when it had to be ended by force."""
        if self._process is None:
            return 0
        if self._process.poll() is not None:
            return self._process.returncode
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOPPED_WITHIN):
                await self.wait()
        except TimeoutError:
            self._process.kill()
            self._process.wait()
            return None
        return self._process.returncode

    def last_words(self) -> str:
        """Return the end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


class Api:
    """The engine's HTTP API. Every wait is bounded, and says what it waited for."""

    def __init__(self, session: aiohttp.ClientSession, engine: EngineProcess) -> None:
        self._session, self._engine = session, engine

    async def ready(self) -> None:
        """Wait until the engine takes events."""

        async def probe() -> bool | None:
            try:
                async with self._session.get(f"{self._engine.url}/readyz") as response:
                    return response.status == 200 or None
            except aiohttp.ClientConnectionError:
                return None

        await self.until("the engine is ready", probe, READY_WITHIN)

    async def get(self, path: str, **query: str) -> Any:
        """Return the JSON of a resource that is there."""
        found = await self.find(path, **query)
        if found is None:
            raise DemoError(f"GET {path}: there is no such thing")
        return found

    async def find(self, path: str, **query: str) -> Any:
        """Return the JSON of a resource, None where there is none (yet)."""
        async with self._session.get(self._engine.url + path, params=query) as response:
            if response.status == 404:
                return None
            return await self._answer(response, 200)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> list[str]:
        """Send events or a webhook; returns the ids under which they are stored."""
        async with self._session.post(self._engine.url + path, json=body, headers=headers) as response:
            answer = await self._answer(response, 202)
        if answer["refused"]:
            raise DemoError(f"POST {path}: refused: {answer['refused']}")
        return list(answer["ids"])

    async def _answer(self, response: aiohttp.ClientResponse, expected: int) -> Any:
        if response.status != expected:
            raise DemoError(f"{response.method} {response.url.path}: {response.status} {await response.text()}")
        return await response.json()

    async def until(
        self, what: str, probe: Callable[[], Awaitable[T | None]], within: float = HAPPENS_WITHIN
    ) -> T:
        """Look again and again until `probe` finds something; DemoError after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while (found := await probe()) is None:
                    self._engine.check()
                    await asyncio.sleep(_LOOK_EVERY)
                return found
        except TimeoutError:
            raise DemoError(f"waited {within:g} s, and not yet: {what}\n{self._engine.last_words()}") from None

"""The engine as a process of its own, started and ended from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

_READY_WITHIN: Final = 30.0
_STOPPED_WITHIN: Final = 20.0
_LOOK_EVERY: Final = 0.01


class HarnessError(Exception):
    """The engine did not do what every measurement rests on: start, answer, stop."""


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EngineProcess:
    """`automations serve` on a folder that holds rules and, where there are jobs, deployments.yaml.

    The port stays the same over all lives, as a client's would. What the engine says goes to `engine.log`.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "automations.db"
        self._log = folder / "engine.log"
        self._command = [
            *(sys.executable, "-m", "automations", "serve", "-C", str(folder)),
            *("--db", self.database.name, "--port", str(self.port)),
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOMATIONS_")}
        self._environment = {**kept, "AUTOMATIONS_LOG_LEVEL": "warning", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, session: aiohttp.ClientSession) -> float:
        """Start it; returns the seconds until it was ready to take events."""
        started = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        while time.monotonic() - started < _READY_WITHIN:
            if self._process.poll() is not None:
                raise HarnessError(f"the engine ended with exit code {self._process.returncode}\n{self._words()}")
            if await self._is_ready(session):
                return time.monotonic() - started
            await asyncio.sleep(_LOOK_EVERY)
        raise HarnessError(f"the engine was not ready within {_READY_WITHIN:g} s\n{self._words()}")

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def status(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """Return `GET /api/status`."""
        return await self.get(session, "/api/status")

    async def get(self, session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
        """Return the JSON that a GET answers."""
        async with session.get(self.url + path) as response:
            response.raise_for_status()
            found: dict[str, Any] = await response.json()
            return found

    @property
    def pid(self) -> int:
        """The process id of the present life."""
        if self._process is None:
            raise HarnessError("the engine has not been started")
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would, without a chance to say goodbye (SIGKILL)."""
        if self._process is not None:
            self._process.kill()

    async def ended(self) -> None:
        """Return when the process is gone."""
        while self._process is not None and self._process.poll() is None:
            await asyncio.sleep(_LOOK_EVERY)

    async def stop(self) -> None:
        """Ask it to end by SIGTERM, and insist on exit code 0."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOPPED_WITHIN):
                await self.ended()
        except TimeoutError:
            self.kill()
            raise HarnessError(f"the engine did not stop within {_STOPPED_WITHIN:g} s") from None
        if self._process.returncode != 0:
            raise HarnessError(f"the engine stopped with exit code {self._process.returncode}\n{self._words()}")

    def _words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

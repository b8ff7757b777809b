"""The client: sends events until each is acknowledged, and remembers which were."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from engine_process import HarnessError
from faults.project import WINDOW

_CLIENTS: Final = 4
_PAUSE: Final = 0.08
"""Seconds between two requests of one client: the kills, not the load, are to be the strain."""
_AGAIN: Final = 0.02
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


class Load:
    """`acknowledged` holds the ids of what was answered with 202, by the name of the events. Nothing is given up:
    an event without an answer is sent again under its id.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, f"{url}/api/events"
        self._numbers = itertools.count()
        self._stopping = False
        self._clients: list[asyncio.Task[None]] = []
        self.on_acknowledged: Callable[[], None] = lambda: None
        self.acknowledged: dict[str, list[str]] = {}
        self.groups: list[str] = []

    def start(self) -> None:
        """Start the clients."""
        self._clients = [asyncio.create_task(self._send_on()) for _ in range(_CLIENTS)]

    async def stop(self) -> None:
        """Begin nothing more; returns once everything begun is acknowledged."""
        self._stopping = True
        await asyncio.gather(*self._clients)

    async def _send_on(self) -> None:
        while not self._stopping:
            group = f"group-{next(self._numbers)}"
            events = [self._event("chaos.job"), self._event("chaos.hook"), self._event("chaos.nothing")]
            events += [self._event("chaos.window", group=group) for _ in range(WINDOW)]
            for batch in (events[:-1], events[-1:]):  # a window that closes over two requests, and maybe two lives
                await self._send(batch)
                await asyncio.sleep(_PAUSE)
            self.groups.append(group)

    def _event(self, name: str, **labels: str) -> dict[str, Any]:
        number = next(self._numbers)
        return {"event": name, "id": f"e{number}", "resource": {"id": f"thing.{number}", **labels}}

    async def _send(self, events: list[dict[str, Any]]) -> None:
        while not await self._is_acknowledged(events):
            await asyncio.sleep(_AGAIN)
        for event in events:
            self.acknowledged.setdefault(event["event"], []).append(event["id"])
        self.on_acknowledged()

    async def _is_acknowledged(self, events: list[dict[str, Any]]) -> bool:
        try:
            async with self._session.post(self._url, json=events, timeout=_TIMEOUT) as response:
                if response.status in (429, 503):
                    return False
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return False
        if response.status != 202 or answer["ids"] != [event["id"] for event in events]:
            raise HarnessError(f"the engine answered {response.status}: {answer}")
        return True

"""Time, where nothing arrives: it makes ticks for what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from automations.errors import AutomationsError
from automations.model.moment import SECOND
from automations.ports import Clock

log = structlog.get_logger()

_LOOK_EVERY: Final = 1.0
"""Seconds after which the wall clock is looked at again: it may have been set."""


class Ticker:
    """Calls `tick` at the next deadline; `tick` returns the one that follows."""

    def __init__(self, tick: Callable[[], Awaitable[int | None]], clock: Clock) -> None:
        self._tick, self._clock = tick, clock
        self._next: int | None = None
        self._sooner = asyncio.Event()

    def expect(self, moment: int) -> None:
        """Say that something is due at `moment`."""
        if self._next is None or moment < self._next:
            self._next = moment
            self._sooner.set()

    async def run(self) -> None:
        """Run until it is cancelled. A tick that fails is made again."""
        while True:
            self._sooner.clear()
            try:
                self._next = None
                following = await self._tick()
                if following is not None:
                    self.expect(following)
            except AutomationsError as error:
                log.warning("tick_failed", error=str(error))
                self.expect(self._clock.now() + SECOND)
            await self._due()

    async def _due(self) -> None:
        """Wait until the next deadline, whatever happens to the wall clock meanwhile."""
        while self._next is None or self._clock.now() < self._next:
            left = _LOOK_EVERY if self._next is None else (self._next - self._clock.now()) / SECOND
            self._sooner.clear()
            try:
                await asyncio.wait_for(self._sooner.wait(), min(max(left, 0), _LOOK_EVERY))
            except TimeoutError:
                continue

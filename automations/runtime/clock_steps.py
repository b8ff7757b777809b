"""A wall clock that is set back must not make what waits wait longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from automations.model.moment import SECOND, format_duration
from automations.ports import Clock, Store

log = structlog.get_logger()

_LOOK_EVERY: Final = 1.0
_STEP: Final = SECOND
"""A smaller step back is let pass: nothing waits noticeably longer for it."""
_REMEMBER_EVERY: Final = 60 * SECOND


class ClockSteps:
    """Compares the wall clock with where it stood at the last look, in this life or an earlier one. Retries and
    delayed runs are stored with the moment at which they are due; after a step back that moment moves back, too.
    This is exact but for the age of the last look: a second; for the look of an earlier life a minute and the time
    between the lives. Nothing comes twice: a row that is due moves no more.

    A step ahead needs nothing: what waits is due early. The deadlines of triggers are moments of event time, and
    stay.
    """

    def __init__(self, store: Store, clock: Clock, on_step: Callable[[], None]) -> None:
        self._store, self._clock, self._on_step = store, clock, on_step
        self._seen: int | None = None
        self._remembered = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """Look once. StoreUnavailableError: look again, nothing is forgotten."""
        if self._seen is None:
            self._seen = await self._store.reads.last_clock()
        now = self._clock.now()
        if self._seen is not None and now < self._seen - _STEP:
            await self._set_back(self._seen - now, now)
        elif now - self._remembered >= _REMEMBER_EVERY:
            await self._store.write(lambda tx: tx.clock_seen(now))
            self._remembered = now
        self._seen = now

    async def _set_back(self, step: int, now: int) -> None:
        moved = await self._store.write(lambda tx: tx.clock_set_back(step, now))
        self._remembered = now
        log.warning("clock_set_back", step=format_duration(step // SECOND * SECOND), moved=moved)
        self._on_step()

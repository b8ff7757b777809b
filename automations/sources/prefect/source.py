"""A source that follows a Prefect server: the stream makes it quick, reading back what is stored makes it sure."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Never

import structlog

from automations.errors import Refused, StoreUnavailableError
from automations.ingest import Limits
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.moment import SECOND, format_moment
from automations.ports import Clock, Intake, SourceCursor, Store
from automations.sources.intake import enter
from automations.sources.prefect.client import EventStream, PrefectEvents, PrefectUnreachableError
from automations.sources.prefect.reading import moments, read_prefect_event
from automations.sources.prefect.seen import Seen
from automations.sources.prefect.subscription import PrefectSubscription

log = structlog.get_logger()

_OVERLAP: Final = 600 * SECOND
"""How far back of the cursor a new connection reads: an event may be stored that much later than it occurred."""
_LATE: Final = 120 * SECOND
"""The same while connected, when the stream has brought nearly all."""
_READ_BACK_FIRST: Final = 10.0
"""Seconds: by then the server has stored what it had received, and not yet stored, when the stream was opened."""
_READ_BACK_EVERY: Final = 60.0
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0


class PrefectSource:
    """Brings every event that the server stores, once.

    The cursor is written with the events that it covers, and moves only as what is stored is read back, in order
    of `occurred`. That is not the order of arrival, and the stream drops what comes too fast: so each reading goes
    back some minutes, and what is known already changes nothing.
    """

    def __init__(
        self,
        subscription: PrefectSubscription,
        intake: Intake,
        store: Store,
        clock: Clock,
        *,
        limits: Limits,
        random: Callable[[], float],
    ) -> None:
        self.name = subscription.name
        self._subscription, self._wanted = subscription, subscription.wants()
        self._intake, self._store, self._clock = intake, store, clock
        self._limits, self._random = limits, random
        self._seen = Seen()
        self._failures = self._refused = 0

    async def run(self) -> None:
        """Follow until cancelled, through every outage of the server, of the network and of the store."""
        while True:
            try:
                await self._follow()
            except (PrefectUnreachableError, StoreUnavailableError) as error:
                delay = self._delay()
                log.warning("source_unreachable", source=self.name, error=str(error), again_in=round(delay, 1))
            finally:
                self._intake.release_time(self.name)
            await asyncio.sleep(delay)

    def _delay(self) -> float:
        """Seconds: exponential, capped, and spread, so that not all who lost a server come back at once."""
        doubled = math.ldexp(_FIRST_DELAY, self._failures)
        self._failures = min(self._failures + 1, 16)
        return min(doubled, _LONGEST_DELAY) * (1 + self._random()) / 2

    async def _follow(self) -> Never:
        self._cursor = await self._start()
        subscription = self._subscription
        async with PrefectEvents(subscription) as server, server.stream(self._cursor.began) as stream:
            self._intake.hold_time(self.name)
            read = await self._read_back(server, _OVERLAP)
            self._intake.release_time(self.name)
            self._failures = 0
            position = format_moment(self._cursor.position)
            log.info("source_caught_up", source=self.name, position=position, events=read)
            await self._live(stream, _READ_BACK_FIRST)
            while True:
                await self._read_back(server, _LATE)
                await self._live(stream, _READ_BACK_EVERY)

    async def _start(self) -> SourceCursor:
        """Where to go on. A source that never read begins now, and remembers that at once."""
        found = await self._store.reads.source_cursor(self.name)
        if found is not None:
            return found
        began = max(self._clock.now() - self._subscription.since, 0)
        first = SourceCursor(began, began)
        await self._store.write(lambda tx: tx.advance_source(self.name, first))
        return first

    # --- what is stored there, and what is new -------------------------------------------------------------

    async def _read_back(self, server: PrefectEvents, overlap: int) -> int:
        """Read what is stored, from the cursor less `overlap` to the end; returns how many events were new.

        Each page begins at the last moment of the one before: pages that count from the start would skip as many
        events as the server forgets meanwhile. Only within one moment do they.
        """
        since = max(self._cursor.began, self._cursor.position - overlap)
        page, new = await server.stored(since), 0
        while True:
            new += await self._take(page.events, moves_cursor=True)
            if page.rest is None:
                return new
            last = max((occurred for occurred, _ in _moments(page.events)), default=since)
            page = await (server.stored(last) if last > since else server.rest(page.rest))
            since = last

    async def _live(self, stream: EventStream, seconds: float) -> None:
        """Take what the stream brings for so long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            event = await stream.next(left)
            if event is not None:
                await self._take([event], moves_cursor=False)

    # --- into the engine -----------------------------------------------------------------------------------

    async def _take(self, found: Sequence[JsonObject], *, moves_cursor: bool) -> int:
        """Hand in what is new, and with it the cursor. Returns how many events were new."""
        new = [event for event in found if event.get("id") not in self._seen]
        cursor = self._moved(found) if moves_cursor else self._cursor
        events = list(self._read(new))
        if cursor != self._cursor:
            await enter(self._intake, self.name, events, lambda tx: tx.advance_source(self.name, cursor))
            self._cursor = cursor
        elif events:
            await enter(self._intake, self.name, events)
        self._seen.add(event.get("id") for event in new)
        return len(events)

    def _moved(self, found: Sequence[JsonObject]) -> SourceCursor:
        """A sender's clock may run ahead: the server's `received` bounds what an event says of its own time."""
        reached = max((min(both) for both in _moments(found)), default=0)
        return SourceCursor(self._cursor.began, max(self._cursor.position, reached))

    def _read(self, found: Sequence[JsonObject]) -> Iterator[Event]:
        now = self._clock.now()
        for event in found:
            item = read_prefect_event(event, source=self.name, now=now, limits=self._limits)
            if isinstance(item, Event):
                if self._wanted(item.name):
                    yield item
            elif item is not None:
                self._refused += 1
                told = {"event_id": str(event.get("id")), "code": item.code, "reason": item.message}
                log.warning("source_event_refused", source=self.name, refused=self._refused, **told)


def _moments(found: Sequence[JsonObject]) -> Iterator[tuple[int, int]]:
    for event in found:
        try:
            yield moments(event)
        except Refused:  # told where it is read
            continue

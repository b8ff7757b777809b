"""Events of a worker's own, those of its runs, onto the topic of events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from automations.ports import Store
from automations.runtime.kafka.gateway import Gateway

_AT_ONCE: Final = 500
_LOOK: Final = 1.0
"""Seconds after which it looks though nobody woke it: for what an earlier life left."""


class Forwarder:
    """The worker's store is the outbox: an event is forgotten there once the topic has it. One that is sent again
    after a crash is the same event under the same id.
    """

    def __init__(self, store: Store, gateway: Gateway) -> None:
        self._store, self._gateway = store, gateway
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Events were committed."""
        self._awake.set()

    async def run(self) -> None:
        """Forward until cancelled. KafkaUnreachableError: to be run again."""
        while True:
            self._awake.clear()
            await self.forward()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._awake.wait()

    async def forward(self) -> None:
        """Forward what is there. KafkaUnreachableError."""
        while events := await self._store.write(lambda tx: tx.first_events(_AT_ONCE)):
            await self._gateway.accept(events)
            keys = [event.key for event in events]
            await self._store.write(lambda tx, keys=keys: tx.forget_events(keys))  # type: ignore[misc]

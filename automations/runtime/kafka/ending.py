"""The end of a client, whatever its brokers do."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import structlog

log = structlog.get_logger()

_CLOSING: Final = 5.0
"""Seconds that what is under way has to be written."""
_TRIES: Final = 3


class Client(Protocol):
    """A producer or a consumer of aiokafka."""

    async def stop(self) -> None:
        """Flush, and let go of the connections."""
        ...


async def end(client: Client) -> None:
    """Stop a client; returns within a quarter of a minute. aiokafka waits for brokers that are gone, and passes
    over a cancellation now and then, so one is not enough.
    """
    ending = asyncio.create_task(client.stop())
    for _ in range(_TRIES):
        await asyncio.wait([ending], timeout=_CLOSING)
        if ending.done():
            break
        ending.cancel()
    if not ending.done() or ending.cancelled():
        log.warning("client_cut_off", client=type(client).__name__)
    else:
        ending.result()

"""Work that goes on beside the door for as long as the engine lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from automations.errors import AutomationsError

log = structlog.get_logger()

_PAUSE: Final = 1.0
"""Seconds before work that failed begins again."""


async def keep_running(name: str, work: Callable[[], Awaitable[None]], pause: float = _PAUSE) -> None:
    """Run `work` until it returns or is cancelled; whenever it raises, log that and begin it again after `pause`
    seconds. Without this a task that fails is gone, and nobody learns of it.
    """
    while True:
        try:
            return await work()
        except Exception as error:
            if isinstance(error, AutomationsError) and error.recoverable:
                log.warning("background_failed", task=name, error=str(error))
            else:
                log.exception("background_failed", task=name, error=str(error))
            await asyncio.sleep(pause)

"""Into the engine, for as long as that takes: whoever has the events keeps what comes after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from automations.errors import Refused
from automations.model.event import Event
from automations.ports import Intake, Transaction

log = structlog.get_logger()

_WAIT: Final = 1.0
"""Seconds before what the engine could not take is offered again."""


async def enter(
    intake: Intake, source: str, events: Sequence[Event], also: Callable[[Transaction], None] | None = None
) -> None:
    """Hand events in and return once they are durable, with what `also` wrote. StoreUnavailableError."""
    while True:
        try:
            await intake.accept(events, also=also)
            return
        except Refused as refused:
            log.warning("source_waits", source=source, events=len(events), error=refused.message)
        await asyncio.sleep(_WAIT)
        if len(events) > 1:  # they may be more than its bound allows at once
            half = len(events) // 2
            await enter(intake, source, events[:half])
            events = events[half:]

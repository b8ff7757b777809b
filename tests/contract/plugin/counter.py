"""A source that another package brings: it counts, and goes on after a restart where it was."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, PositiveInt

from automations.ingest import read_event
from automations.ports import SourceContext, SourceCursor, SourceType


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    up_to: PositiveInt


class Counter:
    def __init__(self, settings: Settings, context: SourceContext) -> None:
        self._up_to, self._context = settings.up_to, context

    async def run(self) -> None:
        cursor = await self._context.cursor()
        for number in range(cursor.position + 1 if cursor else 1, self._up_to + 1):
            await self._count(number)
        await asyncio.Event().wait()

    async def _count(self, number: int) -> None:
        data = {
            "id": str(number),
            "event": "order.created",
            "resource": {"id": f"order.{number}"},
            "payload": {"n": number},
        }
        event = read_event(data, source=self._context.name, received=self._context.clock.now(), new_id=lambda: "")
        cursor = SourceCursor(began=0, position=number)
        await self._context.intake.accept([event], also=lambda tx: tx.advance_source(self._context.name, cursor))


COUNTER = SourceType(Settings, Counter)

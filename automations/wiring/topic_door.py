"""The door of a command that writes events to the topic by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson

from automations.errors import Refused
from automations.ingest import Limits, read_request
from automations.model.event import Event
from automations.runtime.kafka.gateway import Gateway
from automations.runtime.kafka.writer import Writer
from automations.server.doors import answer_of
from automations.settings import Settings
from automations.wiring.clock import SystemClock
from automations.wiring.kafka import cluster_of, topology_of

_JSON: Final = {"content-type": "application/json"}


class TopicDoor:
    """Answers as the HTTP API does, for what it takes: an event, or a list of them."""

    def __init__(self, gateway: Gateway, limits: Limits) -> None:
        self._gateway, self._limits = gateway, limits
        self._clock = SystemClock()

    async def post_again(self, _path: str, body: Any) -> Mapping[str, Any]:
        """Write events; returns the answer once they are acknowledged. Refused for a single one that is refused,
        KafkaUnreachableError.
        """
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        reading = read_request(raw, _JSON, source="api", received=self._clock.now(), limits=self._limits)
        if not reading.batch and isinstance(reading.items[0], Refused):
            raise reading.items[0]
        events = [item for item in reading.items if isinstance(item, Event)]
        accepted = await self._gateway.accept(events)
        duplicates = sum(accepted.duplicates)
        return answer_of(reading, len(events) - duplicates, duplicates)


@asynccontextmanager
async def topic_door(settings: Settings) -> AsyncIterator[TopicDoor]:
    """Open the door; it is closed when what was accepted has been written."""
    writer = Writer(cluster_of(settings))
    try:
        yield TopicDoor(Gateway(writer, topology_of(settings).events), Limits(settings.max_event_bytes))
    finally:
        await writer.close()

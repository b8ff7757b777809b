"""What has just happened, for those who watch: each has a bounded queue and is told when it was too slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.moment import format_moment

_WAITING: Final = 1_000
"""Messages that wait for one watcher; of more, the oldest are let go."""


class Feed:
    """Messages are JSON objects with a `type`. Nobody who watches holds up the engine, nor its end."""

    def __init__(self) -> None:
        self._lost: dict[asyncio.Queue[JsonObject | None], int] = {}

    @property
    def watched(self) -> bool:
        """True when somebody watches: messages need not be made otherwise."""
        return bool(self._lost)

    def publish(self, message: JsonObject | None) -> None:
        """Hand a message to all who watch; None ends their streams."""
        for queue in self._lost:
            if queue.full():
                queue.get_nowait()
                self._lost[queue] += 1
            queue.put_nowait(message)

    async def messages(self) -> AsyncIterator[JsonObject]:
        """Yield messages until None is published; `{"type": "lost", "messages": n}` stands for those let go."""
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue(_WAITING)
        self._lost[queue] = 0
        try:
            while True:
                if (message := await queue.get()) is None:
                    return
                lost, self._lost[queue] = self._lost[queue], 0
                if lost:
                    yield {"type": "lost", "messages": lost}
                yield message
        finally:
            del self._lost[queue]


def event_message(event: Event, trace: Sequence[JsonObject]) -> JsonObject:
    """An event, with what is known to have become of it."""
    return {"type": "event", "event": event.to_dict(), "trace": trace}


def firing_message(firing: JsonObject) -> JsonObject:
    """A firing, of what `Firing.to_dict` returned."""
    event = firing["event"]
    return {
        "type": "firing",
        "id": firing["id"],
        "automation": firing["automation"],
        "kind": firing["kind"],
        "at": format_moment(firing["at"]),
        "labels": dict(firing["labels"]),
        "event": "/".join(event) if event else None,
        "reason": firing["reason"],
    }

"""Events onto their topic, for whoever has read them in at a door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from automations.model.event import Event
from automations.ports.engine import Accepted
from automations.runtime.kafka.records import EventKey, EventRecord
from automations.runtime.kafka.writer import Writer

_PATIENCE: Final = 10.0
"""Seconds that a caller waits for an acknowledgement."""


class Gateway:
    """What stands behind a door where the engine is a cluster. Of duplicates it knows those of one request: others
    are told apart behind the topic.
    """

    def __init__(self, writer: Writer, topic: str) -> None:
        self._writer, self._topic = writer, topic

    async def accept(self, events: Sequence[Event]) -> Accepted:
        """Write events; returns once all copies have them. KafkaUnreachableError: some may be written all the
        same, so they are to be sent again, under the same ids.
        """
        duplicates = _duplicates(events)
        new = [event for event, known in zip(events, duplicates, strict=True) if not known]
        await self._writer.write([EventRecord(event).to(self._topic) for event in new], within=_PATIENCE)
        return Accepted(duplicates)

    async def reach(self) -> None:
        """KafkaUnreachableError where the topic cannot be written now."""
        await self._writer.reach(self._topic)


def _duplicates(events: Sequence[Event]) -> list[bool]:
    seen: set[EventKey] = set()
    known = []
    for event in events:
        known.append(event.key in seen)
        seen.add(event.key)
    return known

"""From a record to events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from automations.errors import Refused
from automations.ingest import Item, Limits, read_hook, record_headers
from automations.sources.kafka.subscription import KafkaSubscription


class Record(Protocol):
    """A record as a consumer hands it out. `timestamp`: milliseconds."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def read_record(record: Record, subscription: KafkaSubscription, *, now: int, limits: Limits) -> Sequence[Item]:
    """Read a record as a webhook's body is read: by the mapping, or as native events or CloudEvents, by its header
    `content-type` (default: JSON). They were received at the record's time, but not later than `now`; one without
    an id gets TOPIC-PARTITION-OFFSET.
    """
    received = min(max(record.timestamp, 0) * 1_000, now)
    new_id = _ids(f"{subscription.topic}-{record.partition}-{record.offset}")
    try:
        reading = read_hook(
            subscription.hook,
            record.value or b"",
            record_headers(record.headers),
            {},
            received=received,
            limits=limits,
            new_id=new_id,
        )
    except Refused as refused:
        return [refused]
    return reading.items


def _ids(place: str) -> Callable[[], str]:
    numbers = count()

    def new_id() -> str:
        number = next(numbers)
        return f"{place}-{number}" if number else place

    return new_id

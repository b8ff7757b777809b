"""From a record on a topic of events to events: ours as the door accepted them, others' through the door."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from automations.errors import AutomationsError, Refused
from automations.ingest import Limits, read_request
from automations.runtime.kafka.records import EventRecord, Origin, Read, RecordError, kind_of

Entered = EventRecord | AutomationsError
"""An event, or why there is none."""


def events_of(record: Read, limits: Limits) -> Sequence[Entered]:
    """Return what a record holds. One that somebody else wrote holds native events or CloudEvents, by its header
    `content-type`, JSON where it has none. Their source is `kafka:TOPIC`; they were received at the record's time,
    and one without an id gets `TOPIC-PARTITION-OFFSET`: reading the record again gives the same events, also where
    it was redriven. NewerRecordError where a newer version of us wrote it.
    """
    try:
        return [EventRecord.read(record)] if kind_of(record) else _foreign(record, limits)
    except (Refused, RecordError) as error:
        return [error]


def _foreign(record: Read, limits: Limits) -> Sequence[Entered]:
    first = Origin.first(record)
    numbers = count()

    def new_id() -> str:
        number = next(numbers)
        return f"{first.place}-{number}" if number else first.place

    headers = {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    headers.setdefault("content-type", "application/json")
    reading = read_request(
        record.value or b"",
        headers,
        source=f"kafka:{record.topic}",
        received=first.timestamp * 1_000,
        limits=limits,
        new_id=new_id,
    )
    return [
        item if isinstance(item, Refused) else EventRecord.of(item) for item in reading.items if item is not None
    ]

"""From a record on a topic of events to events: ours as the door accepted them, others' through the door."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from automations.errors import AutomationsError, Refused
from automations.ingest import Limits, read_request, record_headers
from automations.model.event import Event
from automations.runtime.kafka.records import EventRecord, Origin, Read, RecordError, kind_of

Entered = Event | AutomationsError
"""An event, or why there is none."""


def events_of(record: Read, limits: Limits) -> Sequence[Entered]:
    """Return what a record holds. One that somebody else wrote holds native events or CloudEvents, by its header
    `content-type`, JSON where it has none. Their source is `kafka:TOPIC`; they were received at the record's time,
    and one without an id gets `TOPIC-PARTITION-OFFSET`: reading the record again gives the same events, also where
    it was redriven. NewerRecordError where a newer version of us wrote it.
    """
    try:
        return [EventRecord.read(record).event] if kind_of(record) else _foreign(record, limits)
    except (Refused, RecordError) as error:
        return [error]


def _foreign(record: Read, limits: Limits) -> Sequence[Entered]:
    first = Origin.first(record)
    numbers = count()

    def new_id() -> str:
        number = next(numbers)
        return f"{first.place}-{number}" if number else first.place

    reading = read_request(
        record.value or b"",
        record_headers(record.headers),
        source=f"kafka:{record.topic}",
        received=first.timestamp * 1_000,
        limits=limits,
        new_id=new_id,
    )
    return [item for item in reading.items if item is not None]

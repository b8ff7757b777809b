"""What all records have in common: key, value, the header with their kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from automations.errors import AutomationsError
from automations.runtime.kafka.topics import MAX_RECORD_BYTES

_OVERHEAD: Final = 16 << 10
"""What headers and the framing of a batch may add to a record."""
HEADER: Final = "automations"
Headers = Sequence[tuple[str, bytes]]
"""A header without a value has an empty one."""


class Read(Protocol):
    """A record as a consumer hands it out."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written. Without `partition` the key chooses it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")

    @property
    def fits(self) -> bool:
        """False for a record that the topics would refuse."""
        return self.size <= MAX_RECORD_BYTES - _OVERHEAD


class RecordError(AutomationsError):
    """A record that cannot be read, and never will be."""

    code = "bad-record"


class NewerRecordError(AutomationsError):
    """A newer version of us wrote a record: whoever cannot read it must not pass over it."""

    code = "newer-record"


def kind_of(record: Read) -> str | None:
    """The kind and version of a record (`match/1`); None where somebody else wrote it."""
    for name, value in record.headers:
        if name == HEADER:
            return (value or b"").decode("utf-8", "replace")
    return None


def header(kind: str) -> Headers:
    """The header of a record of ours."""
    return ((HEADER, kind.encode()),)


def json_of(record: Read, kind: str) -> Any:
    """The value of a record of that kind; RecordError, NewerRecordError."""
    found = kind_of(record)
    if found != kind:
        raise _unexpected(record, found, kind)
    try:
        return orjson.loads(record.value or b"")
    except orjson.JSONDecodeError as error:
        raise RecordError(f"the record is no JSON: {error}") from None


def _unexpected(record: Read, found: str | None, kind: str) -> AutomationsError:
    if found is None or found.partition("/")[0] != kind.partition("/")[0]:
        return RecordError(f"a record of the kind {found!r} stands where {kind!r} is expected")
    place = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    return NewerRecordError(
        f"{place}: this version knows {kind!r}, and the record is {found!r}", hint="upgrade this worker"
    )


@contextmanager
def as_record(kind: str) -> Iterator[None]:
    """What a value lacks makes it no record of that kind: RecordError."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"the record is no {kind!r}: {type(error).__name__}: {error}") from None

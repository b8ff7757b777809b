"""Moments and durations as whole microseconds: exact, ordered, plain to store.

A moment is an `int`: microseconds since 1970-01-01T00:00:00Z. A duration is an `int` of microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHORT: Final = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_ISO: Final = re.compile(
    r"P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
MAX_DURATION: Final = 36_500 * DAY


def parse_moment(text: str) -> int:
    """Read RFC 3339 with an offset; what is finer than a microsecond is cut. ValueError says what is wrong."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:64]!r} is no RFC 3339 time with an offset, such as 2026-01-01T00:00:00Z")
    day, clock, fraction, offset = found.groups()
    whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
    micros = int((fraction or "0").ljust(6, "0")[:6])
    return (whole - _EPOCH) // _MICROSECOND + micros


def format_moment(moment: int) -> str:
    """Write RFC 3339 in UTC with a `Z`, six digits of a second only when it is not whole (rules.md 10)."""
    second, fraction = divmod(moment, SECOND)
    return f"{_format_second(second)}.{fraction:06}Z" if fraction else f"{_format_second(second)}Z"


@lru_cache(maxsize=1024)  # what is written at one time is of few seconds: every event has two moments
def _format_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat().removesuffix("+00:00")


def parse_duration(value: object) -> int:
    """Read a number of seconds, `30s`, `1h30m`, `1.5h` or ISO 8601 (`PT5M`) into microseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a duration is a number of seconds or text such as '30s', '5m', '1h30m', 'PT5M'")
    seconds = _seconds_of_text(value) if isinstance(value, str) else float(value)
    micros = round(seconds * SECOND) if seconds == seconds else -1  # NaN is never equal to itself
    if not 0 <= micros <= MAX_DURATION:
        raise ValueError(f"the duration {value!r} is not between 0 and 100 years")
    return micros


def _seconds_of_text(text: str) -> float:
    found = (_SHORT.fullmatch(text) or _ISO.fullmatch(text)) if len(text) <= 64 else None
    if found is None or not any(found.groups()):
        raise ValueError(
            f"{text[:64]!r} is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'"
        )
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS.values(), strict=True) if part)


def format_duration(micros: int) -> str:
    """Write a duration as `1h30m`, `250ms`, `0s`."""
    if micros % SECOND:
        return f"{micros / 1000:g}ms"
    rest, parts = micros // SECOND, []
    for unit, seconds in _UNITS.items():
        amount, rest = divmod(rest, seconds)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def _duration(value: Any) -> int:
    try:
        return parse_duration(value)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("bad-duration", "{reason}", {"reason": str(error)}) from error


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 2}],
            "description": "Seconds, or text such as 30s, 5m, 1h30m, PT5M",
        }
    ),
]


def _moment(value: Any) -> Any:
    try:
        return parse_moment(value) if isinstance(value, str) else value
    except ValueError as error:
        raise PydanticCustomError("bad-moment", "{reason}", {"reason": str(error)}) from error


Moment = Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]

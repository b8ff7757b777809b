"""The filter `datetime`: reading, shifting and writing a moment that the event names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from automations.model.moment import SECOND, format_moment, parse_duration, parse_moment
from automations.templating.limits import Fuel
from automations.templating.values import defined, kind, to_text, type_error

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIRECTIVE: Final = re.compile(r"%(?:[YymdHMSfjaAbBIpGVu%]|(.?))", re.DOTALL)
"""Only plain directives: the C library also takes widths, such as %999999999d."""


def moment(value: Any, fuel: Fuel, pattern: str | None = None, shift: str | float | None = None) -> str:
    """Ours: `{{ event.occurred | datetime('%Y-%m-%d', shift='-1d') }}`.

    `value` is RFC 3339 text with an offset, or seconds since 1970. `shift` is a duration (rules.md section 1),
    with a minus for earlier. Without a pattern the result is RFC 3339; either way it is in UTC.
    """
    shifted = _read(defined(value)) + _shift(shift)
    if pattern is None:
        return to_text(format_moment(shifted), fuel)
    return to_text(_write(shifted, to_text(pattern, fuel)), fuel)


def _read(value: Any) -> int:
    if isinstance(value, str):
        return parse_moment(value)
    if type(value) is int or type(value) is float:
        return round(value * SECOND)
    raise type_error(f"datetime reads RFC 3339 text or seconds, not {kind(value)}")


def _shift(shift: str | float | None) -> int:
    if shift is None:
        return 0
    if isinstance(shift, str):
        return -parse_duration(shift[1:]) if shift.startswith("-") else parse_duration(shift)
    return -parse_duration(-shift) if shift < 0 else parse_duration(shift)


def _write(shifted: int, pattern: str) -> str:
    for found in _DIRECTIVE.finditer(pattern):
        if found.group(1) is not None:
            raise ValueError(f"{found.group()!r} is no directive of datetime")
    return (_EPOCH + timedelta(microseconds=shifted)).strftime(pattern)

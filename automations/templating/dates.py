"""The filter `datetime`: reading, shifting and writing a moment that the event names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from automations.model.moment import SECOND, format_moment, parse_duration, parse_moment
from automations.templating.limits import Fuel
from automations.templating.values import defined, kind, to_text, type_error

_DIRECTIVE: Final = re.compile(r"%(?:[YymdHMSfjaAbBIpGVu%]|(.?))", re.DOTALL)
"""Only plain directives: the C library also takes widths, such as %999999999d."""


def moment(value: Any, fuel: Fuel, pattern: str | None = None, shift: str | None = None) -> str:
    """Ours: `{{ event.occurred | datetime('%Y-%m-%d', shift='-1d') }}`.

    `value` is RFC 3339 text or seconds since 1970; `shift` a duration, with a minus for earlier; without a
    format the result is RFC 3339 in UTC.
    """
    try:
        shifted = _read(defined(value)) + _shift(shift)
        if pattern is None:
            return to_text(format_moment(shifted), fuel)
        return to_text(_write(shifted, to_text(pattern, fuel)), fuel)
    except (ValueError, OverflowError) as error:
        raise type_error(f"datetime: {error}") from None


def _read(value: Any) -> int:
    if isinstance(value, str):
        return parse_moment(value)
    if type(value) is int or type(value) is float:
        return round(value * SECOND)
    raise type_error(f"datetime reads RFC 3339 text or seconds, not {kind(value)}")


def _shift(shift: str | None) -> int:
    if shift is None:
        return 0
    return -parse_duration(shift[1:]) if shift.startswith("-") else parse_duration(shift)


def _write(shifted: int, pattern: str) -> str:
    for found in _DIRECTIVE.finditer(pattern):
        if found.group(1) is not None:
            raise ValueError(f"{found.group()!r} is no directive of datetime")
    whole, micros = divmod(shifted, SECOND)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=micros).strftime(pattern)

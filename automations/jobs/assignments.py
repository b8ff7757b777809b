"""`KEY=VALUE` as the command line takes it: JSON, else the text as typed (jobs.md section 1)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import orjson

from automations.errors import AutomationsError
from automations.model.document import JsonObject

_ENV: Final = "env."


def parse_assignments(assignments: Iterable[str]) -> JsonObject:
    """Read `KEY=VALUE` texts into a layer's values; dotted keys stay as written, of equal keys the last counts.

    The value is strict JSON, else the text exactly as typed. Not JSON, and therefore text: `0123`, `NaN`, an
    object with a key twice, an integer beyond 64 bits, a lone surrogate. A number for `env.NAME` stays text when
    writing it would change it (`env.VERSION=1.10`), since environment values are text in the end.

    Raises AutomationsError `bad-assignment`.
    """
    values: JsonObject = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            what = "has no name before '='" if equals else "has no '='"
            raise AutomationsError(f"{assignment!r} {what}", code="bad-assignment", hint="write KEY=VALUE")
        values[key.strip()] = _value(key.strip(), text)
    return values


def _value(key: str, text: str) -> Any:
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_not_json, parse_int=_integer, parse_float=_number
        )
        written = orjson.dumps(value).decode()
    except (ValueError, TypeError, RecursionError):
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if is_number and key.startswith(_ENV) and written != text else value


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else 1 << 64
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("beyond 64 bits")
    return number


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("beyond a double")
    return number

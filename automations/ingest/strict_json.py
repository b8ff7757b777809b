"""Strict JSON: what two readers could understand differently is refused, with the reason.

Refused are duplicate keys, NaN and infinities, integers outside of -2^63..2^63-1, numbers too great for a double,
lone surrogates, nesting beyond the bound, a byte order mark, and what is not UTF-8. No fast parser refuses all of
these, so the fast one is trusted only where `_lossless` proves that it cannot have hidden any.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from automations.errors import Refused
from automations.model.document import JsonValue

MAX_DEPTH: Final = 32
_MAX_INTEGER: Final = 2**63 - 1
_INTEGER_DIGITS: Final = 20
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTAINERS: Final = (dict, list)
# Every digit becomes '0', every other byte NUL: a long run of digits is then found by a plain search.
_DIGITS: Final = bytes(ord("0") if chr(byte) in "0123456789" else 0 for byte in range(256))
_LONG_NUMBER: Final = b"0" * 19


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A body as a list of values, each with its own refusal where it has a defect. `batch`: it was an array."""

    items: Sequence[JsonValue | Refused]
    batch: bool


def parse_json(raw: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Return the one value. Refused: `bad-json` (400), `duplicate-key`, `number-range`, `bad-text`, `too-deep`."""
    value, sound = _load(raw)
    refusal = None if sound and _brackets(raw) <= max_depth else _refusal(value, max_depth)
    if refusal is not None:
        raise refusal
    return value


def parse_items(raw: bytes, *, max_items: int, max_depth: int = MAX_DEPTH) -> ParsedBody:
    """Parse once; a defect inside one item of an array is that item's own refusal.

    Refused for the whole body: `bad-json` (400), `batch-too-large` (413), and `too-deep` for nesting that the
    parser itself does not follow (some 900 levels).
    """
    value, sound = _load(raw)
    batch = type(value) is list
    items = value if batch else [value]
    if len(items) > max_items:
        raise Refused(
            f"the batch holds {len(items)} events, more than {max_items}",
            code="batch-too-large",
            status=413,
            hint="send it in parts",
        )
    if sound and _brackets(raw) <= max_depth:
        return ParsedBody(items, batch)
    check = _depth_refusal if sound else _refusal
    return ParsedBody([check(item, max_depth) or item for item in items], batch)


def _load(raw: bytes) -> tuple[JsonValue, bool]:
    """Return the value, and True when only its depth is left to check."""
    try:
        value = orjson.loads(raw)
        if _lossless(raw, value):
            return value, True
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # the slow parser says what is wrong, or reads what is only unusual
    return _load_slowly(raw), False


def _lossless(raw: bytes, value: JsonValue) -> bool:
    """True when the fast parser cannot have lost anything.

    Without a backslash every quote in `raw` opens or closes a string, and no string can hold a lone surrogate; a
    duplicate key would have lost at least the two quotes of the key. Integers of 18 digits fit into 64 bits.
    """
    return (
        b"\\" not in raw
        and _LONG_NUMBER not in raw.translate(_DIGITS)
        and raw.count(b'"') == orjson.dumps(value).count(b'"')
    )


def _brackets(raw: bytes) -> int:
    """An upper bound of the depth."""
    return raw.count(b"{") + raw.count(b"[")


def _load_slowly(raw: bytes) -> JsonValue:
    """Parse with a `Refused` standing in the place of each part that is refused."""
    try:
        return json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise Refused(f"byte {error.start} is not UTF-8", code="bad-json", status=400) from None
    except json.JSONDecodeError as error:
        raise Refused(f"this is no JSON: {error}", code="bad-json", status=400) from None
    except RecursionError:
        raise _too_deep(MAX_DEPTH) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Refused:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
    return Refused(f"the key {twice[:64]!a} stands twice in one object", code="duplicate-key")


def _integer(text: str) -> int | Refused:
    number = int(text) if len(text) <= _INTEGER_DIGITS else _MAX_INTEGER + 1
    if -_MAX_INTEGER - 1 <= number <= _MAX_INTEGER:
        return number
    hint = "send it as text"
    return Refused(f"the integer {text[:32]} is beyond 64 bits", code="number-range", hint=hint)


def _float(text: str) -> float | Refused:
    number = float(text)
    if math.isfinite(number):
        return number
    return Refused(f"the number {text[:32]} is beyond a double's range", code="number-range")


def _constant(text: str) -> Refused:
    return Refused(f"{text} is no JSON number", code="number-range", hint="send null, or text")


def _refusal(value: JsonValue, max_depth: int) -> Refused | None:
    return _depth_refusal(value, max_depth) or next(_flaws(value), None)


def _depth_refusal(value: JsonValue, max_depth: int) -> Refused | None:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(max_depth):
        if not level:
            return None
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) in _CONTAINERS
        ]
    return _too_deep(max_depth) if level else None


def _too_deep(max_depth: int) -> Refused:
    return Refused(f"the value is nested deeper than {max_depth} levels", code="too-deep")


def _flaws(value: JsonValue) -> Iterator[Refused]:
    """Depth-first; the depth has been bounded before."""
    if isinstance(value, Refused):
        yield value
    elif isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            yield Refused(f"the text {value[:32]!a} holds half a character (a lone surrogate)", code="bad-text")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _flaws(key)
            yield from _flaws(item)
    elif isinstance(value, list):
        for item in value:
            yield from _flaws(item)

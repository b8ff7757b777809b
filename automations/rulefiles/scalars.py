"""Plain YAML scalars by the 1.2 core schema: `no`, `off` and `1:59:59` are text."""

from __future__ import annotations

import math
import re
from typing import Final

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_JSON: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS: Final = 40
_LEAST, _GREATEST = -(2**63), 2**63 - 1


def resolve(text: str) -> bool | int | float | str | None:
    """Return the value of a plain scalar; ValueError for a number that JSON cannot carry."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _DIGITS:
        if any(form.fullmatch(text) for form in (_INTEGER, _OCTAL, _HEXADECIMAL, _FLOAT)):
            raise ValueError("the number has too many digits")
        return text
    return _number(text)


def _number(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        return _within_64_bits(int(text))
    if _OCTAL.fullmatch(text):
        return _within_64_bits(int(text, 0))
    if _HEXADECIMAL.fullmatch(text):
        return _within_64_bits(int(text, 0))
    if _NOT_JSON.fullmatch(text):
        raise ValueError(f"{text} is no number of JSON")
    if _FLOAT.fullmatch(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{text} is beyond the numbers of JSON")
        return value
    return text


def _within_64_bits(value: int) -> int:
    if not _LEAST <= value <= _GREATEST:
        raise ValueError("the integer is beyond 64 bits")
    return value

"""JSON values inside templates: how they are written as text, measured and checked."""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from automations.errors import RenderError
from automations.templating.limits import FUEL, MAX_RESULT, Fuel, text_weight

_DEPTH: Final = 40
_ESCAPE: Final = 6
"""The most bytes that JSON writes for one character (`\\u001f`)."""


class Undefined:
    """A name or label that is not there. Only `default` and `is defined` may look at it."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    def fail(self) -> RenderError:
        """The error of using it."""
        return RenderError(
            f"{self.what} is undefined", code="undefined", hint="give a value for that case: | default('...')"
        )


def defined(value: Any) -> Any:
    """Return the value, or fail where there is none."""
    if type(value) is Undefined:
        raise value.fail()
    return value


def kind(value: object) -> str:
    """The JSON type of a value, for messages."""
    if value is None:
        return "null"
    return {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "an object",
    }.get(type(value), type(value).__name__)


def type_error(message: str, *, hint: str | None = None) -> RenderError:
    """A value of the wrong type."""
    return RenderError(message, code="type", hint=hint)


def to_text(value: Any, fuel: Fuel) -> str:
    """Write a value inside text: a string as it is, anything else as JSON writes it (rules.md section 10)."""
    if type(value) is str:
        fuel.text(len(value))
        return value
    text = dump(defined(value))
    fuel.text(len(text))
    return text


def dump(value: Any) -> str:
    """Compact JSON of a plain value of bounded size; RenderError `type` or `limit` for any other."""
    _check(value, 0, MAX_RESULT)
    return orjson.dumps(value).decode()


def number(value: Any, operator: str) -> int | float:
    """Return a number; booleans and text are none."""
    if type(value) is int or type(value) is float:
        return value
    hint = "text and numbers are joined by '~'" if operator == "+" else None
    raise type_error(f"{operator} works on numbers, not on {kind(defined(value))}", hint=hint)


def weight(value: Any) -> int:
    """What going through a value once costs, in units of fuel; it stops counting where no fuel would reach."""
    if type(value) is str:
        return text_weight(value)
    if type(value) is not list and type(value) is not dict:
        return 0
    total = len(value)
    for item in value.values() if type(value) is dict else value:
        if total > FUEL:
            break
        total += weight(item)
    return total


def checked(value: Any) -> Any:
    """Check a result deep: plain JSON of bounded size and depth, finite numbers, text that can be encoded."""
    kind_of = type(value)
    if kind_of is int or kind_of is bool or value is None:
        return value
    if kind_of is str and len(value) * _ESCAPE + 2 <= MAX_RESULT:
        _check_text(value)
    elif len(dump(value).encode()) > MAX_RESULT:
        raise _too_large()
    return value


def _too_large() -> RenderError:
    return RenderError(f"the value is larger than {MAX_RESULT} bytes", code="limit")


def _check(value: Any, depth: int, room: int) -> int:
    """Return the room that is left after this value. What is counted is never more than what JSON takes, and the
    walk ends where there is no room: a value that is large only because it repeats itself is not gone through.
    """
    kind_of = type(value)
    if kind_of is str:
        _check_text(value)
        room -= len(value) + 2
    elif kind_of is list or kind_of is dict:
        room = _check_container(value, depth, room)
    elif kind_of is float:
        if not math.isfinite(value):
            raise type_error("the value is not a finite number")
        room -= 3
    elif value is None or kind_of is bool or kind_of is int:
        room -= 1
    else:
        raise type_error(f"the value is no JSON but {kind_of.__name__}")
    if room < 0:
        raise _too_large()
    return room


def _check_container(value: list[Any] | dict[str, Any], depth: int, room: int) -> int:
    if depth >= _DEPTH:
        raise RenderError(f"the value is nested deeper than {_DEPTH} levels", code="limit")
    room -= 1 + max(1, len(value))  # brackets, and commas between the items
    if isinstance(value, list):
        for item in value:
            room = _check(item, depth + 1, room)
        return room
    for key, item in value.items():
        if type(key) is not str:
            raise type_error("the keys of an object are text")
        room = _check(item, depth + 1, _check(key, depth + 1, room) - 1)
    return room


def _check_text(text: str) -> None:
    if "\0" in text:
        raise type_error("the text holds a NUL character")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise type_error("the text holds a lone surrogate") from None

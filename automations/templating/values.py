"""JSON values inside templates: how they are written as text, compared and checked."""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from automations.errors import RenderError
from automations.templating.limits import MAX_RESULT, Fuel

_DEPTH: Final = 40


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


def type_error(message: str) -> RenderError:
    """A value of the wrong type."""
    return RenderError(message, code="type")


def to_text(value: Any, fuel: Fuel) -> str:
    """Write a value inside text: a string as it is, anything else as JSON writes it (rules.md section 10)."""
    if type(value) is str:
        fuel.text(len(value))
        return value
    text = dump(defined(value))
    fuel.text(len(text))
    return text


def dump(value: Any) -> str:
    """Compact JSON."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError) as error:
        raise type_error(f"the value is no JSON: {error}") from None


def number(value: Any, operator: str) -> int | float:
    """Return a number; booleans and text are none."""
    if type(value) is int or type(value) is float:
        return value
    raise type_error(f"{operator} works on numbers, not on {kind(defined(value))}")


def checked(value: Any) -> Any:
    """Check a result deep: plain JSON of bounded size and depth, finite numbers, text that can be encoded."""
    _check(value, 0)
    if not isinstance(value, bool | int | float | None) and len(dump(value)) > MAX_RESULT:
        raise RenderError(f"the value is larger than {MAX_RESULT} bytes", code="limit")
    return value


def _check(value: Any, depth: int) -> None:
    kind_of = type(value)
    if kind_of is str:
        _check_text(value)
    elif kind_of is float:
        if not math.isfinite(value):
            raise type_error("the value is not a finite number")
    elif kind_of is dict or kind_of is list:
        if depth >= _DEPTH:
            raise RenderError(f"the value is nested deeper than {_DEPTH} levels", code="limit")
        for key, item in value.items() if kind_of is dict else ((None, item) for item in value):
            if key is not None:
                _check(key, depth + 1)
            _check(item, depth + 1)
    elif value is not None and kind_of not in (bool, int):
        raise type_error(f"the value is no JSON but {kind_of.__name__}")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise type_error("the text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise type_error("the text holds a lone surrogate") from None

"""The tests behind `is`: Jinja's by their own names and meanings."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.templating.values import Undefined, defined, number, type_error

Test = Callable[..., bool]


def compare(symbol: str) -> Callable[[Any, Any], bool]:
    """Return the comparison; the wrong types are a RenderError, not a traceback."""
    operation = _COMPARISONS[symbol]

    def compared(left: Any, right: Any) -> bool:
        try:
            return bool(operation(defined(left), defined(right)))
        except TypeError:
            raise type_error(f"the values left and right of {symbol} cannot be compared") from None

    return compared


def contains(item: Any, whole: Any) -> bool:
    """`item in whole`: of a list, the keys of an object, or a part of text."""
    item, whole = defined(item), defined(whole)
    if isinstance(whole, str) and not isinstance(item, str):
        raise type_error("only text can be in text")
    if not isinstance(whole, str | list | dict):
        raise type_error("'in' looks into a list, an object or text")
    return (
        isinstance(item, str | int | float | None) and item in whole if isinstance(whole, dict) else item in whole
    )


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def _of(*kinds: type) -> Test:
    return lambda value: type(defined(value)) in kinds


def _whole(value: Any, divisor: Any) -> int:
    dividend = number(value, "divisibleby")
    if not number(divisor, "divisibleby"):
        raise type_error("nothing is divisible by 0")
    return int(dividend % divisor != 0)


TESTS: Final[Mapping[str, Test]] = {
    "defined": lambda value: type(value) is not Undefined,
    "undefined": lambda value: type(value) is Undefined,
    "none": lambda value: defined(value) is None,
    "boolean": _of(bool),
    "true": lambda value: defined(value) is True,
    "false": lambda value: defined(value) is False,
    "integer": _of(int),
    "float": _of(float),
    "number": _of(int, float),
    "string": _of(str),
    "mapping": _of(dict),
    "sequence": _of(list, dict, str),
    "iterable": _of(list, dict, str),
    "in": contains,
    "odd": lambda value: number(value, "odd") % 2 == 1,
    "even": lambda value: number(value, "even") % 2 == 0,
    "divisibleby": lambda value, num: not _whole(value, num),
    "lower": lambda value: isinstance(defined(value), str) and value.islower(),
    "upper": lambda value: isinstance(defined(value), str) and value.isupper(),
    "eq": compare("eq"),
    "equalto": compare("eq"),
    "ne": compare("ne"),
    "lt": compare("lt"),
    "lessthan": compare("lt"),
    "le": compare("lteq"),
    "gt": compare("gt"),
    "greaterthan": compare("gt"),
    "ge": compare("gteq"),
}

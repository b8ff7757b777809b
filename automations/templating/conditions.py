"""Comparisons, and the tests behind `is`: Jinja's by their own names and meanings.

A test takes (value, fuel, arguments...), as a filter does. A boolean is no number here, as in JSON.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.templating.limits import Fuel
from automations.templating.values import Undefined, defined, number, type_error, weight

Test = Callable[..., bool]

_OPERATIONS: Final[Mapping[str, tuple[str, Callable[[Any, Any], Any]]]] = {
    "eq": ("==", operator.eq),
    "ne": ("!=", operator.ne),
    "lt": ("<", operator.lt),
    "lteq": ("<=", operator.le),
    "gt": (">", operator.gt),
    "gteq": (">=", operator.ge),
}


def compare(name: str) -> Callable[[Any, Fuel, Any], bool]:
    """Return the comparison (`eq`, `lteq`, ...). It charges what it reads; wrong types are a RenderError."""
    symbol, operation = _OPERATIONS[name]

    def compared(left: Any, fuel: Fuel, other: Any) -> bool:
        fuel.burn(min(weight(defined(left)), weight(defined(other))))
        try:
            return bool(operation(left, other))
        except TypeError:
            raise type_error(f"the values left and right of {symbol} cannot be compared") from None

    return compared


def contains(item: Any, fuel: Fuel, seq: Any) -> bool:
    """`item in seq`: of a list, the keys of an object, or a part of text."""
    if isinstance(defined(seq), dict):
        if isinstance(defined(item), list | dict):
            raise type_error("a list or an object cannot be a key")
        return item in seq
    if isinstance(seq, str):
        if not isinstance(defined(item), str):
            raise type_error("only text can be in text")
        fuel.read(len(seq) + len(item))
    elif isinstance(seq, list):
        fuel.burn(len(seq) // 16 + len(seq) * weight(defined(item)))
    else:
        raise type_error("'in' looks into a list, an object or text")
    return item in seq


def _of(*kinds: type) -> Test:
    return lambda value, _fuel: type(defined(value)) in kinds


def truth(value: Any, _fuel: Fuel) -> bool:
    """What `select` and `reject` ask when no test is named."""
    return bool(defined(value))


def _divisible(value: Any, _fuel: Fuel, num: Any) -> bool:
    dividend = number(value, "divisibleby")
    if not number(num, "divisibleby"):
        raise type_error("nothing is divisible by 0")
    return bool(dividend % num == 0)


TESTS: Final[Mapping[str, Test]] = {
    "defined": lambda value, _fuel: type(value) is not Undefined,
    "undefined": lambda value, _fuel: type(value) is Undefined,
    "none": lambda value, _fuel: defined(value) is None,
    "boolean": _of(bool),
    "true": lambda value, _fuel: defined(value) is True,
    "false": lambda value, _fuel: defined(value) is False,
    "integer": _of(int),
    "float": _of(float),
    "number": _of(int, float),
    "string": _of(str),
    "mapping": _of(dict),
    "sequence": _of(list, dict, str),
    "iterable": _of(list, dict, str),
    "in": contains,
    "odd": lambda value, _fuel: number(value, "odd") % 2 == 1,
    "even": lambda value, _fuel: number(value, "even") % 2 == 0,
    "divisibleby": _divisible,
    "lower": lambda value, _fuel: isinstance(defined(value), str) and value.islower(),
    "upper": lambda value, _fuel: isinstance(defined(value), str) and value.isupper(),
    **dict.fromkeys(("eq", "equalto", "=="), compare("eq")),
    **dict.fromkeys(("ne", "!="), compare("ne")),
    **dict.fromkeys(("lt", "lessthan", "<"), compare("lt")),
    **dict.fromkeys(("le", "<="), compare("lteq")),
    **dict.fromkeys(("gt", "greaterthan", ">"), compare("gt")),
    **dict.fromkeys(("ge", ">="), compare("gteq")),
}

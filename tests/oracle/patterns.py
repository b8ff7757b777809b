"""EventBridge patterns by their definition: choose an element of every array, and every field must hold there."""

import ipaddress
import operator
import re
from collections.abc import Iterator
from typing import Any

MISSING = object()
COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def elements(value: Any) -> Iterator[Any]:
    """The value itself, or the elements of an array, arrays in arrays taken apart."""
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from elements(item)


def payload_matches(pattern: dict[str, Any], payload: Any) -> bool:
    return any(object_matches(pattern, item) for item in elements(payload))


def object_matches(pattern: dict[str, Any], payload: Any) -> bool:
    fields = payload if isinstance(payload, dict) else {}
    return all(
        any(object_matches(each, fields) for each in wanted)
        if key == "$or"
        else field_matches(wanted, fields.get(key, MISSING))
        for key, wanted in pattern.items()
    )


def field_matches(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        return payload_matches(wanted, {} if value is MISSING else value)
    return any(alternative_matches(each, value) for each in wanted)


def alternative_matches(alternative: Any, value: Any) -> bool:
    scalars = [] if value is MISSING else [item for item in elements(value) if not isinstance(item, dict)]
    if isinstance(alternative, dict) and "exists" in alternative:
        return bool(scalars) is bool(alternative["exists"])
    return any(scalar_matches(alternative, item) for item in scalars)


def scalar_matches(alternative: Any, value: Any) -> bool:
    if not isinstance(alternative, dict):
        return same(alternative, value)
    ((name, argument),) = alternative.items()
    if name == "anything-but":
        return anything_but(argument, value)
    if name == "numeric":
        return is_number(value) and numeric(argument, value)
    return isinstance(value, str) and any(text_matches(name, each, value) for each in as_list(argument))


def anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        ((name, nested),) = argument.items()
        return not (isinstance(value, str) and any(text_matches(name, each, value) for each in as_list(nested)))
    return not any(same(each, value) for each in as_list(argument))


def numeric(argument: list[Any], value: float) -> bool:
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(COMPARE[symbol](value, bound) for symbol, bound in pairs)


def text_matches(name: str, argument: Any, value: str) -> bool:
    if isinstance(argument, dict):  # {"prefix": {"equals-ignore-case": "x"}}
        return text_matches(name, argument["equals-ignore-case"].lower(), value.lower())
    match name:
        case "prefix":
            return value.startswith(argument)
        case "suffix":
            return value.endswith(argument)
        case "equals-ignore-case":
            return value.lower() == str(argument).lower()
        case "wildcard":
            return wildcard(argument, value)
        case "cidr":
            return in_network(argument, value)
    raise ValueError(name)


def wildcard(pattern: str, value: str) -> bool:
    """`*` stands for any run of characters; `\\*` and `\\\\` for the characters themselves."""
    pieces = re.findall(r"\\[*\\]|\*|[^*\\]", pattern)
    expression = "".join(".*" if piece == "*" else re.escape(piece[-1]) for piece in pieces)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def in_network(network: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def same(wanted: Any, value: Any) -> bool:
    """Equal as JSON values: 1 and 1.0 are one number, true is no number, "1" is a string."""
    if is_number(wanted) and is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and wanted == value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

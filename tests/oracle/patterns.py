"""EventBridge patterns by their definition: choose an element of every array, and every field must hold there."""

import ipaddress
import operator
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

MISSING = object()
ABSENT = object()
COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def elements(value: Any) -> Iterator[Any]:
    """The value itself, or the elements of an array, arrays in arrays taken apart."""
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from elements(item)


Condition = tuple[tuple[str, ...], Any]  # the path of a field, one alternative or the list of them


def payload_matches(pattern: dict[str, Any], payload: Any) -> bool:
    return any(choice_matches(choice, payload) for choice in choices(pattern))


def choices(pattern: dict[str, Any], path: tuple[str, ...] = ()) -> list[list[Condition]]:
    """Every way to choose among `$or`, and among a value and its absence: lists of conditions that all hold."""
    found: list[list[Condition]] = [[]]
    for key, wanted in pattern.items():
        if key == "$or":
            options = [choice for branch in wanted for choice in choices(branch, path)]
        elif isinstance(wanted, dict):
            options = choices(wanted, (*path, key))
        else:
            absent = [[((*path, key), ABSENT)]] if {"exists": False} in wanted else []
            others = [each for each in wanted if each != {"exists": False}]
            options = absent + ([[((*path, key), others)]] if others else [])
        found = [one + other for one in found for other in options]
    return found


def choice_matches(choice: list[Condition], payload: Any) -> bool:
    """Some way to choose an element of every array has all the values, and none of the fields that must be absent
    is there in any way that chooses the same elements of the arrays on the way to the values."""
    wanted = [(path, each) for path, each in choice if each is not ABSENT]
    unwanted = [path for path, each in choice if each is ABSENT]
    ways = list(chosen(payload, ()))
    return any(
        all(field_matches(each, way, path) for path, each in wanted)
        and not any(
            here(other, path)
            for path in unwanted
            for other in ways
            if all(agree(way, other, known) for known, _ in wanted)
        )
        for way in ways
    )


Way = dict[tuple[str, ...], Any]


def chosen(value: Any, path: tuple[str, ...]) -> Iterator[Way]:
    """Every way to choose one element of each array of objects: path -> (its number, the value there)."""
    options = list(elements(value)) if isinstance(value, list) else [value]
    for number, option in enumerate(options or [MISSING]):
        if not isinstance(option, dict):
            yield {path: (number, value)}
            continue
        for ways in product(*(list(chosen(inner, (*path, key))) for key, inner in option.items())):
            yield {path: (number, MISSING), **{at: there for way in ways for at, there in way.items()}}


def agree(way: Way, other: Way, path: tuple[str, ...]) -> bool:
    return all(way.get(path[:end], (0, 0))[0] == other.get(path[:end], (0, 0))[0] for end in range(len(path)))


def field_matches(wanted: list[Any], way: Way, path: tuple[str, ...]) -> bool:
    _, value = way.get(path, (0, MISSING))
    return any(alternative_matches(each, value) for each in wanted)


def here(way: Way, path: tuple[str, ...]) -> bool:
    _, value = way.get(path, (0, MISSING))
    return alternative_matches({"exists": True}, value)


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

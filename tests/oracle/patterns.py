"""EventBridge patterns by their definition, all choices tried.

A payload is the list of its values, each with its path and the elements of arrays in which it stands. A pattern is
a list of branches, each a list of fields with their alternatives. A branch matches where some choice of one value
for every field, or of its absence, is consistent: no two values stand in different elements of one array, and no
value of a field that is to be absent could be added to those chosen.
"""

import ipaddress
import operator
import re
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBER_BOUND = 5_000_000_000

Path = tuple[str, ...]
Branch = list[tuple[Path, list[Any]]]


class Value(NamedTuple):
    path: Path
    value: Any
    elements: dict[Path, int]  # the path of an array of objects: which of its elements


class Absent(NamedTuple):
    path: Path


def payload_matches(pattern: dict[str, Any], payload: Any) -> bool:
    values = list(values_of(payload, (), {}))
    return any(branch_matches(branch, values) for branch in branches_of(pattern, ()))


def branches_of(pattern: dict[str, Any], path: Path) -> list[Branch]:
    found: list[Branch] = [[]]
    for key, wanted in pattern.items():
        if key == "$or" and not isinstance(wanted, dict) and not are_alternatives(wanted):
            options = [branch for each in wanted for branch in branches_of(each, path)]
        elif isinstance(wanted, dict):
            options = branches_of(wanted, (*path, key))
        else:
            options = [[((*path, key), wanted)]]
        found = [[*branch, *option] for branch in found for option in options]
    return found


def are_alternatives(listed: list[Any]) -> bool:
    """`$or` is a field's name where it lists values and tests."""
    return any(not isinstance(each, dict) or set(each) & TESTS for each in listed)


TESTS = {
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exactly",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
}


def items(value: Any) -> Iterator[Any]:
    """The value itself, or the elements of an array, arrays in arrays taken apart."""
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from items(item)


def values_of(value: Any, path: Path, elements: dict[Path, int]) -> Iterator[Value]:
    for number, item in enumerate(items(value)):
        if isinstance(item, dict):
            for key, inner in item.items():
                yield from values_of(inner, (*path, key), {**elements, path: number})
        else:
            yield Value(path, item, elements)


def branch_matches(branch: Branch, values: list[Value]) -> bool:
    options = [list(options_of(path, alternatives, values)) for path, alternatives in branch]
    return any(is_consistent(choice, values) for choice in product(*options))


def options_of(path: Path, alternatives: list[Any], values: list[Value]) -> Iterator[Value | Absent]:
    for alternative in alternatives:
        if alternative == {"exists": False}:
            yield Absent(path)
        else:
            yield from (v for v in values if v.path == path and scalar_matches(alternative, v.value))


def is_consistent(choice: tuple[Value | Absent, ...], values: list[Value]) -> bool:
    chosen = [each for each in choice if isinstance(each, Value)]
    absent = [each.path for each in choice if isinstance(each, Absent)]
    return all(stand_together(one, other) for one, other in combinations(chosen, 2)) and not any(
        value.path in absent and all(stand_together(value, each) for each in chosen) for value in values
    )


def stand_together(one: Value, other: Value) -> bool:
    return all(other.elements.get(array, element) == element for array, element in one.elements.items())


def scalar_matches(alternative: Any, value: Any) -> bool:
    if not isinstance(alternative, dict):
        return same(alternative, value) or same_address(alternative, value)
    ((name, argument),) = alternative.items()
    if name == "anything-but":
        return anything_but(argument, value)
    if name == "exists":
        return bool(argument)
    if name == "exactly":
        return isinstance(value, str) and value == argument
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
    return abs(value) <= NUMBER_BOUND and all(COMPARE[symbol](value, bound) for symbol, bound in pairs)


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
    """The first bits of an address are those of the network's."""
    address, _, length = network.partition("/")
    wanted, seen = bits(address), bits(value)
    return seen != "" and len(wanted) == len(seen) and wanted[: int(length)] == seen[: int(length)]


def bits(text: str) -> str:
    """An address as ones and noughts; nothing for any other text."""
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", text, re.ASCII):
        numbers = [int(number) for number in text.split(".")]
        return "".join(f"{number:08b}" for number in numbers) if max(numbers) < 256 else ""
    try:
        address = ipaddress.IPv6Address(text if re.fullmatch("[0-9a-fA-F:]+", text) else "none")
    except ValueError:
        return ""
    written = f"{int(address):0128b}"
    return written[96:] if written.startswith("0" * 80 + "1" * 16) else written


def same_address(wanted: Any, value: Any) -> bool:
    return isinstance(wanted, str) and isinstance(value, str) and bits(wanted) == bits(value) != ""


def same(wanted: Any, value: Any) -> bool:
    """Equal as JSON values: 1 and 1.0 are one number, true is no number, "1" is a string."""
    if is_number(wanted) and is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and wanted == value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

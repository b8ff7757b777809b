"""The alternatives of one field: any of them may hold, for any of the field's values."""

from __future__ import annotations

import ipaddress
import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Scalar = str | int | float | bool | None
Test = Callable[[Scalar], bool]

NUMBER_BOUND: Final = 5e9
"""Numeric matching is defined between -5e9 and 5e9, both included (AWS)."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_number(value: object) -> bool:
    """A boolean is no number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What is accepted: texts, numbers (1 and 1.0 are one), the names true, false and null; else what a test
    accepts. `present`: a value of any kind is enough; `absent`: there must be none, and nothing else is set.
    `written`: the alternatives, for people.
    """

    texts: frozenset[str] = frozenset()
    numbers: frozenset[float] = frozenset()
    names: frozenset[bool | None] = frozenset()
    tests: tuple[Test, ...] = ()
    present: bool = False
    absent: bool = False
    written: str = ""

    def accepts(self, value: Any) -> bool:
        """Tell whether a field's value, which may be an array, is accepted."""
        if isinstance(value, list):
            values = list(scalars(value))
            return any(map(self._accepts, values)) if values else self.absent
        return self.absent if isinstance(value, dict) else self._accepts(value)

    def _accepts(self, value: Scalar) -> bool:
        if self.present:
            return True
        if isinstance(value, str):
            if value in self.texts:
                return True
        elif value is None or isinstance(value, bool):
            if value in self.names:
                return True
        elif value in self.numbers:
            return True
        return any(test(value) for test in self.tests)


def scalars(values: Sequence[Any]) -> Iterator[Scalar]:
    """The values of an array and of arrays in it; an object is no value of the field."""
    for value in values:
        if isinstance(value, list):
            yield from scalars(value)
        elif not isinstance(value, dict):
            yield value


def on_text(test: Callable[[str], bool]) -> Test:
    """Hold for texts only."""
    return lambda value: isinstance(value, str) and test(value)


def negated(tests: Sequence[Test]) -> Test:
    """Hold for every value, of any kind, that none of the tests accepts."""
    return lambda value: not any(test(value) for test in tests)


def equal(wanted: Scalar) -> Test:
    """Hold for the same value."""
    number = is_number(wanted)
    return lambda value: value == wanted and is_number(value) == number


def numeric(terms: Sequence[tuple[str, float]]) -> Test:
    """Hold for numbers to which all comparisons apply."""
    comparisons = [(_COMPARE[symbol], bound) for symbol, bound in terms]

    def holds(value: Any) -> bool:
        in_bounds = is_number(value) and -NUMBER_BOUND <= value <= NUMBER_BOUND
        return in_bounds and all(compare(value, bound) for compare, bound in comparisons)

    return holds


def in_network(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Test:
    """Hold for texts that are addresses of the network."""

    def holds(text: str) -> bool:
        try:
            return ipaddress.ip_address(text) in network
        except ValueError:
            return False

    return on_text(holds)


def written(value: Any) -> str:
    """A value or alternative as compact JSON, cut to a line."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str, skipkeys=True)
    return text if len(text) <= 200 else f"{text[:197]}..."

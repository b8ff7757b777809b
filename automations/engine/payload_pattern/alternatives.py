"""The alternatives of one field: any of them may hold, for any of the field's values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from automations.engine.payload_pattern.held import Held

Scalar = str | int | float | bool | None
Test = Callable[[Scalar], bool]


def is_number(value: object) -> bool:
    """A boolean is no number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What is accepted: texts, numbers (1 and 1.0 are one), the names true, false and null; else what a test
    accepts. `present`, `absent`: a value of any kind, or none, is enough. `written`: the alternatives, for people.
    """

    texts: frozenset[str] = frozenset()
    numbers: frozenset[float] = frozenset()
    names: frozenset[bool | None] = frozenset()
    tests: tuple[Test, ...] = ()
    present: bool = False
    absent: bool = False
    written: str = field(default="", kw_only=True)

    @classmethod
    def any_of(cls, each: Sequence[Alternatives], written: str) -> Alternatives:
        """Accept what any of them accepts."""
        return cls(
            texts=frozenset[str]().union(*(one.texts for one in each)),
            numbers=frozenset[float]().union(*(one.numbers for one in each)),
            names=frozenset[bool | None]().union(*(one.names for one in each)),
            tests=tuple(test for one in each for test in one.tests),
            present=any(one.present for one in each),
            absent=any(one.absent for one in each),
            written=written,
        )

    @property
    def without_value(self) -> Held:
        """How they hold for a field that has no value."""
        return Held.BY_ABSENCE if self.absent else Held.NOT

    def holds(self, value: Any) -> Held:
        """Tell whether a field's value is accepted; an array has the values in it, an object has none."""
        if isinstance(value, list):
            values = [item for item in flat(value) if not isinstance(item, dict)]
            return self._any(map(self._accepts, values)) if values else self.without_value
        return self.without_value if isinstance(value, dict) else self._any((self._accepts(value),))

    @staticmethod
    def _any(accepted: Iterable[bool]) -> Held:
        return Held.BY_VALUE if any(accepted) else Held.NOT

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


def flat(values: list[Any]) -> Iterator[Any]:
    """The items of an array and of the arrays in it, in order, however deeply they are nested."""
    waiting = [iter(values)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, list):
                waiting.append(iter(value))
                break
            yield value
        else:
            waiting.pop()


def written(value: Any) -> str:
    """A value or alternative as compact JSON, cut to a line."""
    try:  # not orjson: a payload may hold integers beyond 64 bits
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str, skipkeys=True)
    except (ValueError, RecursionError):
        return "a value that is too large to show"
    return text if len(text) <= 200 else f"{text[:197]}..."

"""A compiled pattern: does it match, and if not, which conditions fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from automations.engine.payload_pattern.alternatives import Alternatives, written

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Condition:
    """A field that is not as wanted: its path, the value seen (`nothing` where it is absent), the alternatives."""

    path: str
    seen: str
    wanted: str


class Matcher(Protocol):
    """A part of a pattern, on the object in which its fields stand."""

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether it holds."""
        ...

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return the conditions that fail; none exactly when it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its alternatives."""

    key: str
    alternatives: Alternatives

    @property
    def absence(self) -> bool:
        """True for `exists: false`."""
        return self.alternatives.absent

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether the field's value is accepted, or its absence is."""
        return self.alternatives.accepts(fields[self.key]) if self.key in fields else self.alternatives.absent

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return the field, if it is not as wanted."""
        if self.matches(fields):
            return ()
        seen = written(fields[self.key]) if self.key in fields else "nothing"
        return (Condition(_below(path, self.key), seen, self.alternatives.written),)


@dataclass(frozen=True, slots=True)
class Inside:
    """The fields of an object, or of one element of an array of objects: all conditions hold in the same one.
    `absence`: only absence is wanted; then no element is chosen, and it holds in all of them.
    """

    key: str
    fields: AllOf
    absence: bool

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether all hold in the object, or in some element."""
        each = map(self.fields.matches, _objects(fields.get(self.key)))
        return all(each) if self.absence else any(each)

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return what fails in the element that comes nearest, or in any where absence is wanted."""
        below = _below(path, self.key)
        each = [self.fields.explain(element, below) for element in _objects(fields.get(self.key))]
        return max(each, key=len) if self.absence else _nearest(each)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Fields of one object."""

    parts: tuple[Matcher, ...]

    @property
    def absence(self) -> bool:
        """True when all that is wanted is absence: then it binds no element of an array."""
        return all(isinstance(part, Field | Inside) and part.absence for part in self.parts)

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether all hold."""
        return all(part.matches(fields) for part in self.parts)

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return all conditions that fail."""
        return tuple(condition for part in self.parts for condition in part.explain(fields, path))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The branches of a pattern: what `$or` and wanted absence leave to choose."""

    branches: tuple[AllOf, ...]

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether some branch holds."""
        return any(branch.matches(fields) for branch in self.branches)

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return what fails in the branch that comes nearest."""
        return _nearest([branch.explain(fields, path) for branch in self.branches])


@dataclass(frozen=True, slots=True)
class PayloadPattern:
    """Built by `compile_pattern`."""

    root: Matcher

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Tell whether the payload, a JSON object, is as wanted."""
        return self.root.matches(payload)

    def explain(self, payload: Mapping[str, Any]) -> tuple[Condition, ...]:
        """Return the conditions that fail; none exactly when the payload matches."""
        return self.root.explain(payload, "payload")


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects whose fields are looked at: what is no object, and what is not there, has no fields."""
    if isinstance(value, list):
        return [each for item in value for each in _objects(item)] or [_NOTHING]
    return [value if isinstance(value, dict) else _NOTHING]


def _nearest(explanations: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    return min(explanations, key=len)


def _below(path: str, key: str) -> str:
    plain = key and not any(sign in key for sign in '."\\')
    return f"{path}.{key}" if plain else f"{path}.{written(key)}"

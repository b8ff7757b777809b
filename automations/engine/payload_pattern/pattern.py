"""A compiled pattern: does it match, and if not, which conditions fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from automations.engine.payload_pattern.alternatives import Alternatives, flat, written
from automations.engine.payload_pattern.held import Held


@dataclass(frozen=True, slots=True)
class Condition:
    """A field that is not as wanted: its path, the value seen (`nothing` where it is absent), the alternatives."""

    path: str
    seen: str
    wanted: str


class Matcher(Protocol):
    """A part of a pattern, on the object in which its fields stand."""

    def holds(self, fields: Mapping[str, Any]) -> Held:
        """Tell whether it holds, and how."""
        ...

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return the conditions that fail; none exactly when it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its alternatives."""

    key: str
    alternatives: Alternatives

    def holds(self, fields: Mapping[str, Any]) -> Held:
        """Tell whether the field's value is accepted, or its absence is."""
        return self.alternatives.holds(fields[self.key]) if self.key in fields else self.alternatives.without_value

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return the field, if it is not as wanted."""
        if self.holds(fields):
            return ()
        seen = written(fields[self.key]) if self.key in fields else "nothing"
        return (Condition(_below(path, self.key), seen, self.alternatives.written),)


@dataclass(frozen=True, slots=True)
class Inside:
    """The fields of an object. In an array of objects all conditions hold in one and the same element, or by
    absence in all of them.
    """

    key: str
    fields: AllOf

    def holds(self, fields: Mapping[str, Any]) -> Held:
        """Tell whether all hold in the object, in some element, or by absence in all."""
        held = [self.fields.holds(each) for each in _objects(fields.get(self.key))]
        return Held.BY_VALUE if Held.BY_VALUE in held else min(held)

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return what fails in the element that comes nearest. Where it does not hold, some element has a failure:
        one without any holds by absence there, and is not enough.
        """
        if self.holds(fields):
            return ()
        below = _below(path, self.key)
        each = [self.fields.explain(element, below) for element in _objects(fields.get(self.key))]
        return _nearest([failed for failed in each if failed])


@dataclass(frozen=True, slots=True)
class AllOf:
    """Fields of one object."""

    parts: tuple[Matcher, ...]

    def holds(self, fields: Mapping[str, Any]) -> Held:
        """Tell whether all hold: by a value, if one of them does."""
        all_held = Held.BY_ABSENCE
        for part in self.parts:
            held = part.holds(fields)
            if held is Held.NOT:
                return held
            all_held = max(all_held, held)
        return all_held

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return all conditions that fail."""
        return tuple(condition for part in self.parts for condition in part.explain(fields, path))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The branches of a pattern with `$or`. They stand at the root alone: inside of an array each of them chooses
    for itself.
    """

    branches: tuple[AllOf, ...]

    def holds(self, fields: Mapping[str, Any]) -> Held:
        """Tell whether some branch holds."""
        return next((held for branch in self.branches if (held := branch.holds(fields))), Held.NOT)

    def explain(self, fields: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        """Return what fails in the branch that comes nearest."""
        return _nearest([branch.explain(fields, path) for branch in self.branches])


@dataclass(frozen=True, slots=True)
class PayloadPattern:
    """Built by `compile_pattern`. A payload is a JSON object as a parser yields it, of dicts and lists."""

    root: AllOf

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Tell whether the payload is as wanted."""
        return self.root.holds(payload) is not Held.NOT

    def explain(self, payload: Mapping[str, Any]) -> tuple[Condition, ...]:
        """Return the conditions that fail; none exactly when the payload matches."""
        return self.root.explain(payload, "payload")


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects whose fields are looked at; where there is none, one without fields."""
    if isinstance(value, list):
        return [item for item in flat(value) if isinstance(item, dict)] or [{}]
    return [value if isinstance(value, dict) else {}]


def _nearest(explanations: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    return min(explanations, key=len)


def _below(path: str, key: str) -> str:
    plain = key and not any(sign in key for sign in '."\\')
    return f"{path}.{key}" if plain else f"{path}.{written(key)}"

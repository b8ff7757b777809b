"""The branches of a pattern: what it wants for each choice among its `$or`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from automations.engine.payload_pattern.alternatives import Alternatives
from automations.engine.payload_pattern.pattern import AllOf, AnyOf, Field, Inside, Matcher


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a branch wants of one field: all `leaves` of its values, `inner` of the objects in it."""

    leaves: tuple[Alternatives, ...] = ()
    inner: Branch = field(default_factory=dict)


Branch = Mapping[str, Wanted]


def both(first: Branch, second: Branch) -> Branch:
    """Want both. Objects of one name become one, so that in an array one element has all that is wanted of it."""
    merged = dict(first)
    for key, wanted in second.items():
        known = first.get(key)
        merged[key] = (
            wanted if known is None else Wanted((*known.leaves, *wanted.leaves), both(known.inner, wanted.inner))
        )
    return merged


def match_any(branches: Sequence[Branch]) -> AllOf:
    """Build the matcher of a pattern. What all branches want alike is asked once, and first."""
    first = branches[0]
    common = [key for key, wanted in first.items() if all(branch.get(key) == wanted for branch in branches)]
    parts = match_all({key: first[key] for key in common}).parts
    if len(branches) == 1:
        return AllOf(parts)
    rest = [{key: wanted for key, wanted in branch.items() if key not in common} for branch in branches]
    return AllOf((*parts, AnyOf(tuple(match_all(branch) for branch in rest))))


def match_all(branch: Branch) -> AllOf:
    """Build the matcher of one branch."""
    parts: list[Matcher] = []
    for key, wanted in branch.items():
        parts += [Field(key, alternatives) for alternatives in wanted.leaves]
        if wanted.inner:
            parts.append(Inside(key, match_all(wanted.inner)))
    return AllOf(tuple(parts))

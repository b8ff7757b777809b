"""The filters of an event trigger, compiled: names, labels, related resources (rules.md 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from automations.engine.wildcard import compile_wildcard

Labels = Mapping[str, str]
TextPredicate = Callable[[str], bool]
LabelsPredicate = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Accepted values of one label or of the event name: positives are alternatives, exclusions all hold."""

    literals: frozenset[str]
    wildcards: tuple[str, ...]
    excluded: tuple[str, ...]
    absent: bool

    @classmethod
    def of(cls, values: Sequence[str | None]) -> Alternatives:
        """Sort the values of a rule by kind."""
        positive = [v for v in values if v is not None and not v.startswith("!")]
        return cls(
            literals=frozenset(v for v in positive if "*" not in v),
            wildcards=tuple(v for v in positive if "*" in v),
            excluded=tuple(v[1:] for v in values if v is not None and v.startswith("!")),
            absent=None in values,
        )

    @property
    def positive(self) -> bool:
        """True when some value is asked for, not only excluded."""
        return bool(self.literals or self.wildcards or self.absent)

    @property
    def exact(self) -> bool:
        """True when a literal decides alone: then the index looks it up and nothing is left to check."""
        return bool(self.literals) and not (self.wildcards or self.excluded or self.absent)

    def text_predicate(self) -> TextPredicate:
        """Return the test of a text that is there."""
        literals, excluded = self.literals, [compile_wildcard(p) for p in self.excluded]
        wildcards = [compile_wildcard(p) for p in self.wildcards]
        if not self.positive:
            return lambda text: not any(test(text) for test in excluded)
        if not excluded and not wildcards:
            return literals.__contains__
        return lambda text: (
            (text in literals or any(test(text) for test in wildcards))
            and not any(test(text) for test in excluded)
        )

    def label_predicate(self, label: str) -> LabelsPredicate:
        """Return the test of a label set; a missing label passes only where `null` is among the values."""
        test, absent = self.text_predicate(), self.absent

        def holds(labels: Labels) -> bool:
            value = labels.get(label)
            return absent if value is None else test(value)

        return holds


@dataclass(frozen=True, slots=True)
class Condition:
    """One label of a spec, with its predicate."""

    label: str
    values: Alternatives
    holds: LabelsPredicate

    @classmethod
    def of(cls, label: str, values: Sequence[str | None]) -> Condition:
        """Compile one entry of `match`."""
        alternatives = Alternatives.of(values)
        return cls(label, alternatives, alternatives.label_predicate(label))


def compile_conditions(spec: Mapping[str, Sequence[str | None]]) -> tuple[Condition, ...]:
    """Compile a label spec, the cheapest and most telling conditions (exact ones) first."""
    return tuple(
        sorted((Condition.of(label, values) for label, values in spec.items()), key=lambda c: not c.values.exact)
    )


@dataclass(frozen=True, slots=True)
class RelatedSpec:
    """One spec of `match_related`. `forbids`: only exclusions, so no related resource may match any of them."""

    conditions: tuple[Condition, ...]
    forbids: bool

    @classmethod
    def of(cls, spec: Mapping[str, Sequence[str | None]]) -> RelatedSpec:
        """Compile one spec."""
        conditions = compile_conditions(spec)
        return cls(conditions, not any(c.values.positive for c in conditions))

    def holds(self, related: Sequence[Labels]) -> bool:
        """True when some related resource satisfies every condition, or none is forbidden."""
        if self.forbids:
            return all(
                labels.get(c.label) is None or c.holds(labels) for labels in related for c in self.conditions
            )
        return any(all(c.holds(labels) for c in self.conditions) for labels in related)

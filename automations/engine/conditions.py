"""The filters of a trigger, compiled: names, labels, related resources, payload, `where` (rules.md 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from automations.engine.context import event_context
from automations.engine.payload_pattern import PayloadPattern, compile_pattern
from automations.engine.wildcard import compile_wildcard
from automations.errors import RenderError
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.filters import EventFilter
from automations.model.reason import Reason
from automations.templating import Template, compile_expression

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


class Subject:
    """An event as filters see it; what templates see of it is worked out when one first asks."""

    def __init__(self, event: Event) -> None:
        self.event = event

    @cached_property
    def names(self) -> JsonObject:
        """What `where` can read."""
        return {"event": event_context(self.event)}


@dataclass(frozen=True, slots=True)
class Filter:
    """All that a trigger asks of an event besides its name, the cheapest first."""

    labels: tuple[Condition, ...]
    related: tuple[RelatedSpec, ...]
    payload: PayloadPattern | None
    where: Template | None

    @classmethod
    def of(cls, trigger: EventFilter) -> Filter:
        """Compile the filters of a trigger."""
        return cls(
            labels=compile_conditions(trigger.match),
            related=tuple(RelatedSpec.of(spec) for spec in trigger.match_related if spec),
            payload=None if trigger.match_payload is None else compile_pattern(trigger.match_payload),
            where=None if trigger.where is None else compile_expression(trigger.where),
        )

    def refusal(self, subject: Subject) -> Reason | None:
        """Return why the event is not wanted; None when it is."""
        event = subject.event
        for condition in self.labels:
            if not condition.holds(event.resource):
                return Reason.LABEL
        for spec in self.related:
            if not spec.holds(event.related):
                return Reason.RELATED
        if self.payload is not None and not self.payload.matches(event.payload or {}):
            return Reason.PAYLOAD
        return None if self.where is None else _where(self.where, subject)


def where_value(expression: Template, subject: Subject) -> object:
    """Return what `where` yields for an event; RenderError for undefined names and wrong types."""
    return expression.render(subject.names)


def _where(expression: Template, subject: Subject) -> Reason | None:
    """Undefined names, wrong types and what is no boolean are no match (rules.md 10)."""
    try:
        held = where_value(expression, subject)
    except RenderError:
        return Reason.WHERE_FAILED
    if held is True:
        return None
    return Reason.WHERE if held is False else Reason.WHERE_FAILED

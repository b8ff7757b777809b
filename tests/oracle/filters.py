"""Which events a trigger looks at: names, labels, related resources, payload, `where`."""

import re
from typing import Any

from oracle.occurrence import Labels, Occurrence, long_labels
from oracle.patterns import payload_matches
from oracle.where import holds

Values = list[str | None]


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def glob(pattern: str, text: str) -> bool:
    """`*` stands for any run of characters, the empty one included; every other character is literal."""
    expression = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def excluding(values: Values) -> list[str]:
    return [value[1:] for value in values if value is not None and value.startswith("!")]


def including(values: Values) -> Values:
    return [value for value in values if value is None or not value.startswith("!")]


def value_matches(values: Values, actual: str | None) -> bool:
    """Positives are alternatives, every exclusion must hold; an absent label matches nothing but null."""
    if actual is None:
        return None in values
    if any(glob(pattern, actual) for pattern in excluding(values)):
        return False
    positives = including(values)
    return not positives or any(pattern is not None and glob(pattern, actual) for pattern in positives)


def name_matches(names: Any, name: str) -> bool:
    return not names or value_matches(listed(names), name)


def labels_match(spec: dict[str, Any], labels: Labels) -> bool:
    return all(value_matches(listed(values), labels.get(label)) for label, values in long_labels(spec).items())


def only_exclusions(spec: dict[str, Any]) -> bool:
    return all(not including(listed(values)) for values in spec.values())


def forbidden(spec: dict[str, Any], labels: Labels) -> bool:
    """In a spec of exclusions alone, any label's exclusion forbids."""
    return any(
        label in labels and any(glob(pattern, labels[label]) for pattern in excluding(listed(values)))
        for label, values in long_labels(spec).items()
    )


def related_matches(spec: dict[str, Any], related: tuple[Labels, ...]) -> bool:
    if only_exclusions(spec):
        return not any(forbidden(spec, labels) for labels in related)
    return any(labels_match(spec, labels) for labels in related)


def filters_match(trigger: dict[str, Any], event: Occurrence) -> bool:
    """Everything but the name: `match`, `match_related`, `match_payload`, `where`."""
    return (
        labels_match(trigger.get("match") or {}, event.resource)
        and all(related_matches(spec, event.related) for spec in listed(trigger.get("match_related") or []))
        and payload_matches(trigger.get("match_payload") or {}, event.payload)
        and ("where" not in trigger or holds(trigger["where"], event.payload))
    )


def is_expected(trigger: dict[str, Any], event: Occurrence) -> bool:
    return name_matches(trigger.get("expect"), event.name) and filters_match(trigger, event)


def is_after(trigger: dict[str, Any], event: Occurrence) -> bool:
    after = trigger.get("after")
    return bool(after) and name_matches(after, event.name) and filters_match(trigger, event)

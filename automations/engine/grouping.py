"""`for_each`: from an event to its group (rules.md 4.1 and 10, 'Groups by payload')."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

from automations.model.document import JsonValue
from automations.model.event import RESOURCE_ROLE, SHORT_LABELS, Event

Scalar = str | int | float | bool
Group = tuple[Scalar, ...]
Extractor = Callable[[Event], Scalar | None]

_SEGMENT: Final = re.compile(r'\.(?:"((?:[^"\\]|\\.)*)"|([^."]+))')
_EXACT_INTEGERS: Final = 2**53


def payload_path(text: str) -> tuple[str, ...]:
    """Split `payload.a."b.c"` into keys; ValueError for what is no such path."""
    keys: list[str] = []
    at = len("payload")
    while at < len(text):
        found = _SEGMENT.match(text, at)
        if found is None:
            raise ValueError(f"{text!r} is no payload path; write payload.<key>, and a dotted key in quotes")
        quoted, plain = found.groups()
        keys.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return tuple(keys)


def scalar_at(payload: JsonValue, path: Sequence[str]) -> Scalar | None:
    """Follow the path; None where it leads nowhere, to null, to an object or to a list."""
    value = payload
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)  # equal numbers are one group
    return value if isinstance(value, str | int | float) else None


def _from_resource(label: str) -> Extractor:
    return lambda event: event.resource.get(label)


def _from_related(role: str, label: str) -> Extractor:
    def extract(event: Event) -> Scalar | None:
        first = next((r for r in event.related if r.get(RESOURCE_ROLE) == role), None)
        return None if first is None else first.get(label)

    return extract


def compile_extractor(label: str) -> Extractor:
    """Compile one group label: of the resource, `related:<role>:<label>`, or `payload.<path>`."""
    if label.startswith("payload."):
        path = payload_path(label)
        return lambda event: scalar_at(event.payload, path)
    if label.startswith("related:"):
        _, role, name = label.split(":", 2)
        return _from_related(role, SHORT_LABELS.get(name, name))
    return _from_resource(SHORT_LABELS.get(label, label))


def compile_group(labels: Sequence[str]) -> Callable[[Event], Group | None]:
    """Return the function from an event to its group, or to None when it lacks one of the labels."""
    extractors = [compile_extractor(label) for label in labels]
    if not extractors:
        return lambda _event: ()

    def group(event: Event) -> Group | None:
        values = tuple(extract(event) for extract in extractors)
        return None if None in values else values  # type: ignore[return-value]  # None was just ruled out

    return group


def group_key(group: Sequence[Scalar | None]) -> str:
    """The group as compact JSON: 7 and "7" and true stay three groups."""
    return orjson.dumps(group).decode()


def group_labels(labels: Sequence[str], group: Group) -> Mapping[str, str]:
    """The group for people and templates: label as written → value as text."""
    return {
        label: value if isinstance(value, str) else orjson.dumps(value).decode()
        for label, value in zip(labels, group, strict=True)
    }

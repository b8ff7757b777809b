"""Groups: what `for_each` reads from an event."""

import json
import re
from typing import Any

from oracle.occurrence import Occurrence, long_label

MISSING = object()

# One entry per key: the key as written, the kind of its value ("text", "number", "boolean") and its text.
Group = tuple[tuple[str, str, str], ...]


def keys_of(trigger: dict[str, Any]) -> tuple[str, ...]:
    value = trigger.get("for_each") or ()
    return (value,) if isinstance(value, str) else tuple(value)


def path_steps(path: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^."]+)', path)]


def payload_value(path: str, payload: Any) -> Any:
    """What stands at `payload.a.b` (or `payload."a.b"`), or MISSING; no array indexes."""
    for step in path_steps(path)[1:]:
        if not isinstance(payload, dict) or step not in payload:
            return MISSING
        payload = payload[step]
    return payload


def raw_value(key: str, event: Occurrence) -> Any:
    if key.startswith("payload."):
        return payload_value(key, event.payload)
    if key.startswith("related:"):
        _, role, label = key.split(":", 2)
        first = next((r for r in event.related if r.get("prefect.resource.role") == role), {})
        return first.get(long_label(label), MISSING)
    return event.resource.get(long_label(key), MISSING)


def typed(value: Any) -> tuple[str, str] | None:
    """Kind and text of a group's value; None for what takes no part (lacking, null, an object, a list)."""
    if isinstance(value, bool):
        return ("boolean", json.dumps(value))
    if isinstance(value, int | float):
        whole = int(value) if float(value).is_integer() else value  # equal numbers are one group
        return ("number", json.dumps(whole))
    return ("text", value) if isinstance(value, str) else None


def group_of(keys: tuple[str, ...], event: Occurrence) -> Group | None:
    """The event's group by these keys, or None when it lacks one of them."""
    found = [(key, typed(raw_value(key, event))) for key in keys]
    if any(value is None for _, value in found):
        return None
    return tuple((key, *value) for key, value in found if value is not None)


def projected(group: Group, keys: tuple[str, ...]) -> Group:
    """The part of a group that a parent with fewer keys sees."""
    return tuple(entry for entry in group if entry[0] in keys)


def labels_of(group: Group) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, text) for key, _, text in group))


def in_order_of_labels(item: tuple[Group, Any]) -> Any:
    """A key to sort groups by: their labels as people read them."""
    return labels_of(item[0]), item[0]

"""The labels of resources, as a user writes them in an event (rules.md section 2)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, RESOURCE_ROLE, SHORT_LABELS


def long_labels(value: Any) -> Any:
    """Write the short labels `id`, `name` and `role` out; both at once would be two rules for one label."""
    if not isinstance(value, dict):
        return value
    for short, long in SHORT_LABELS.items():
        if short in value and long in value:
            raise PydanticCustomError(
                "bad-label", "'{short}' stands for '{long}'; write one", {"short": short, "long": long}
            )
    return {SHORT_LABELS.get(key, key): item for key, item in value.items()}


def _identified(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get(RESOURCE_ID):
        raise PydanticCustomError("missing-key", "the 'resource' of an event needs 'id'")
    return labels


def _with_role(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get(RESOURCE_ROLE):
        raise PydanticCustomError("missing-key", "each of 'related' needs 'role'")
    return labels


def _schema(short: str) -> JsonObject:
    """Labels with one that must be there, and not empty, by its short name or its long one."""
    return {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "anyOf": [
            {"required": [name], "properties": {name: {"minLength": 1}}} for name in (short, SHORT_LABELS[short])
        ],
    }


ResourceLabels = Annotated[
    dict[str, str], BeforeValidator(long_labels), AfterValidator(_identified), WithJsonSchema(_schema("id"))
]
RelatedLabels = Annotated[
    dict[str, str], BeforeValidator(long_labels), AfterValidator(_with_role), WithJsonSchema(_schema("role"))
]

"""Which events a trigger wants, as a user writes it: names, labels, groups (rules.md 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from automations.model.document import Document, JsonObject
from automations.model.labels import long_labels


def one_or_more(value: Any) -> Any:
    """Take one text for a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("wrong-type", "one text or a list of texts is wanted here")
    return value


def _as_names(value: Any) -> Any:
    names = one_or_more(value)
    for index, name in enumerate(names):
        if name in ("", "!"):
            raise PydanticCustomError(
                "bad-event-name", "an event name, or what follows '!', must not be empty", {"at": (index,)}
            )
    return names


ONE_OR_MORE: JsonObject = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}},
    ]
}
Names = Annotated[tuple[str, ...], BeforeValidator(_as_names), Field(strict=False), WithJsonSchema(ONE_OR_MORE)]


def _label_values(value: Any) -> tuple[str | None, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise PydanticCustomError("bad-label-value", "an empty list matches nothing; leave the label out")
    for index, item in enumerate(values):
        if item is not None and not isinstance(item, str):
            raise PydanticCustomError(
                "bad-label-value",
                "labels are text; write {wanted} in quotes",
                {"wanted": f"{item!r}", "at": (index,)},
            )
        if item == "!":
            raise PydanticCustomError(
                "bad-label-value", "'!' alone excludes nothing; write '!value'", {"at": (index,)}
            )
    return tuple(values)


_LABEL_VALUE: JsonObject = {
    "anyOf": [
        {"type": ["string", "null"]},
        {"type": "array", "minItems": 1, "items": {"type": ["string", "null"]}},
    ]
}
LabelValues = Annotated[
    tuple[str | None, ...], BeforeValidator(_label_values), Field(strict=False), WithJsonSchema(_LABEL_VALUE)
]


LabelSpec = Annotated[Mapping[str, LabelValues], BeforeValidator(long_labels)]
"""label → accepted values: texts with `*`, `!excluded`, or None for 'absent'."""


def _as_specs(value: Any) -> Any:
    if isinstance(value, dict):
        return [value] if value else []
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("wrong-type", "a mapping of labels, or a list of such mappings, is wanted here")
    return value


_LABELS: JsonObject = {"type": "object", "additionalProperties": _LABEL_VALUE}
RelatedSpecs = Annotated[
    tuple[LabelSpec, ...],
    BeforeValidator(_as_specs),
    Field(strict=False),
    WithJsonSchema({"anyOf": [_LABELS, {"type": "array", "items": _LABELS}]}),
]


def _check_group(labels: tuple[str, ...]) -> tuple[str, ...]:
    for index, label in enumerate(labels):
        parts = label.split(":", 2)
        if not label or (parts[0] == "related" and (len(parts) < 3 or not all(parts))):
            raise PydanticCustomError(
                "bad-group",
                "{label} is no group label; write a label of the resource, 'related:<role>:<label>' "
                "or 'payload.<path>'",
                {"label": repr(label), "at": (index,)},
            )
    return labels


GroupLabels = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_more),
    AfterValidator(_check_group),
    Field(strict=False),
    WithJsonSchema(ONE_OR_MORE),
]


class EventFilter(Document):
    """The events that a trigger wants. Empty `expect`: any name."""

    expect: Names = ()
    match: LabelSpec = Field(default_factory=dict)
    match_related: RelatedSpecs = ()
    match_payload: dict[str, Any] | None = None
    where: Annotated[str, Field(min_length=1)] | None = None
    for_each: GroupLabels = ()

    @property
    def filters(self) -> bool:
        """True when something is asked of the event besides its group."""
        return bool(self.expect or self.match or self.match_related or self.match_payload or self.where)

"""The automation document, as a user writes it (rules.md sections 3, 4 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document, JsonObject
from automations.model.event import SHORT_LABELS
from automations.model.moment import Duration


def _as_list(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("wrong-type", "one text or a list of texts is wanted here")
    return value


def _as_mapping(value: Any) -> Any:
    """Prefect writes null for 'none'."""
    return {} if value is None else value


NullableObject = Annotated[
    JsonObject, BeforeValidator(_as_mapping), WithJsonSchema({"type": ["object", "null"], "default": {}})
]


def _as_names(value: Any) -> Any:
    names = _as_list(value)
    if isinstance(names, list) and any(name in ("", "!") for name in names):
        raise PydanticCustomError("bad-event-name", "an event name, or what follows '!', must not be empty")
    return names


_ONE_OR_MORE: JsonObject = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}},
    ]
}
Names = Annotated[tuple[str, ...], BeforeValidator(_as_names), Field(strict=False), WithJsonSchema(_ONE_OR_MORE)]


def _label_values(value: Any) -> tuple[str | None, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise PydanticCustomError("bad-label-value", "an empty list matches nothing; leave the label out")
    for item in values:
        if item is not None and not isinstance(item, str):
            raise PydanticCustomError(
                "bad-label-value", "labels are text; write {wanted} in quotes", {"wanted": f"{item!r}"}
            )
        if item == "!":
            raise PydanticCustomError("bad-label-value", "'!' alone excludes nothing; write '!value'")
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


def _long_labels(value: Any) -> Any:
    """Write the short labels `id`, `name` and `role` out; both at once would be two rules for one label."""
    if not isinstance(value, dict):
        return value
    for short, long in SHORT_LABELS.items():
        if short in value and long in value:
            raise PydanticCustomError(
                "bad-label", "'{short}' stands for '{long}'; write one", {"short": short, "long": long}
            )
    return {SHORT_LABELS.get(key, key): item for key, item in value.items()}


LabelSpec = Annotated[Mapping[str, LabelValues], BeforeValidator(_long_labels)]
"""label → accepted values: texts with `*`, `!excluded`, or None for 'absent'."""


def _as_specs(value: Any) -> Any:
    if isinstance(value, dict):
        return [value] if value else []
    return value


RelatedSpecs = Annotated[tuple[LabelSpec, ...], BeforeValidator(_as_specs), Field(strict=False)]


def _check_group(labels: tuple[str, ...]) -> tuple[str, ...]:
    for label in labels:
        parts = label.split(":", 2)
        if not label or (parts[0] == "related" and (len(parts) < 3 or not all(parts))):
            raise PydanticCustomError(
                "bad-group",
                "{label} is no group label; write a label of the resource, 'related:<role>:<label>' "
                "or 'payload.<path>'",
                {"label": repr(label)},
            )
    return labels


GroupLabels = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_list),
    AfterValidator(_check_group),
    Field(strict=False),
    WithJsonSchema(_ONE_OR_MORE),
]


class EventTrigger(Document):
    """Reacts to events. Durations are in microseconds once loaded."""

    noun: ClassVar[str] = "trigger"

    type: Literal["event"] = "event"
    expect: Names = ()
    match: LabelSpec = Field(default_factory=dict)
    match_related: RelatedSpecs = ()
    for_each: GroupLabels = ()
    posture: Literal["Reactive"] = "Reactive"
    threshold: Annotated[int, Field(ge=1, le=100_000)] = 1
    within: Duration = 0

    @model_validator(mode="after")
    def _window(self) -> EventTrigger:
        if self.threshold > 1 and self.within == 0:
            raise PydanticCustomError(
                "no-window", "threshold {threshold} needs a 'within' above 0", {"threshold": self.threshold}
            )
        return self

    @property
    def immediate(self) -> bool:
        """True when every matching event fires by itself: no state is kept."""
        return self.threshold == 1 and self.within == 0


Trigger = EventTrigger


class Throttle(Document):
    """At most `limit` firings in any span of `per` (microseconds), per group."""

    limit: Annotated[int, Field(ge=1)]
    per: Annotated[Duration, Field(gt=0)]
    for_each: GroupLabels | None = None


class RunDeployment(Document):
    """Start a run of a deployment, with parameters and job variables rendered from the event."""

    type: Literal["run-deployment"]
    source: Literal["selected"] = "selected"
    deployment: Annotated[str, Field(min_length=1)]
    parameters: NullableObject = Field(default_factory=dict)
    job_variables: NullableObject = Field(default_factory=dict)
    schedule_after: Duration = 0
    tags: tuple[str, ...] = Field(default=(), strict=False)


class CallWebhook(Document):
    """Send an HTTP request; `timeout` is in microseconds."""

    type: Literal["call-webhook"]
    url: Annotated[str, Field(min_length=1)]
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    timeout: Annotated[Duration, Field(gt=0)] = 10_000_000


class DoNothing(Document):
    """Record the firing and nothing else."""

    type: Literal["do-nothing"]


Action = Annotated[RunDeployment | CallWebhook | DoNothing, Field(discriminator="type")]


class Automation(Document):
    """A rule: when `trigger` fires, `actions` are carried out."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    description: str = ""
    enabled: bool = True
    tags: tuple[str, ...] = Field(default=(), strict=False)
    owner_resource: str | None = None
    trigger: Trigger
    actions: tuple[Action, ...] = Field(strict=False)
    throttle: Throttle | None = None

    @property
    def stateless(self) -> bool:
        """True when nothing has to be remembered between two events."""
        return self.trigger.immediate and self.throttle is None

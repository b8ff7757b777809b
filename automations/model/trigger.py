"""The triggers, as a user writes them (rules.md section 4). Durations are in microseconds once loaded."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from automations.model.cron import CronExpression, TimeZone
from automations.model.document import Document, JsonObject
from automations.model.filters import EventFilter, GroupLabels, Names
from automations.model.moment import SECOND, Duration, Moment

MIN_PROACTIVE_WITHIN: Final = 10 * SECOND
AGGREGATES: Final = ("count", "sum", "avg", "min", "max", *(f"p{percent}" for percent in range(50, 100)))

PartName = Annotated[str, Field(min_length=1)]


class EventTrigger(EventFilter):
    """Reacts to events that come (Reactive), or to their absence (Proactive)."""

    noun: ClassVar[str] = "trigger"

    type: Literal["event"] = "event"
    name: PartName | None = None
    after: Names = ()
    posture: Literal["Reactive", "Proactive"] = "Reactive"
    grace: Duration = 0
    threshold: Annotated[int, Field(ge=1, le=100_000)] = 1
    within: Duration = 0

    @model_validator(mode="after")
    def _means_something(self) -> EventTrigger:
        (self._check_proactive if self.posture == "Proactive" else self._check_reactive)()
        return self

    def _check_proactive(self) -> None:
        if 0 < self.within < MIN_PROACTIVE_WITHIN:
            raise PydanticCustomError(
                "short-window", "'within' of a Proactive trigger is at least 10 s", {"at": ("within",)}
            )

    def _check_reactive(self) -> None:
        if self.threshold > 1 and self.within == 0:
            raise PydanticCustomError(
                "no-window",
                "threshold {threshold} needs a 'within' above 0",
                {"threshold": self.threshold, "at": ("threshold",)},
            )
        if self.after and self.within == 0:
            raise PydanticCustomError("no-window", "'after' needs a 'within' above 0", {"at": ("after",)})
        if self.grace:
            raise PydanticCustomError(
                "grace-without-deadline", "'grace' is for Proactive triggers only", {"at": ("grace",)}
            )

    @property
    def proactive(self) -> bool:
        """True when it fires because something did not come."""
        return self.posture == "Proactive"

    @property
    def span(self) -> int:
        """The window in microseconds: `within`, or the 10 s that a Proactive trigger has by default."""
        return max(self.within, MIN_PROACTIVE_WITHIN) if self.proactive else self.within

    @property
    def immediate(self) -> bool:
        """True when every matching event fires by itself: no state is kept."""
        return not self.proactive and self.threshold == 1 and self.within == 0


def _not_from_prefect_cloud(value: Any) -> Any:
    """Prefect Cloud's metrics are names for what is measured of runs; here the value is in the event."""
    if isinstance(value, dict) and value.get("name") in ("lateness", "duration", "successes"):
        raise PydanticCustomError(
            "prefect-metric",
            "the metric {name} is Prefect Cloud's; write what is measured of the events: {mend}",
            {"name": repr(value["name"]), "mend": _PREFECT_METRICS[value["name"]], "at": ("name",)},
        )
    return value


_PREFECT_METRICS: Final = {
    "lateness": "'expect: prefect.flow-run.Late' with 'value: count, aggregate: count'",
    "duration": "'expect: prefect.flow-run.Completed' with 'value: payload.<path>, aggregate: avg'",
    "successes": "'expect: prefect.flow-run.Completed' with 'value: count, aggregate: count'",
}


def _aggregate(name: str) -> str:
    if name not in AGGREGATES:
        raise PydanticCustomError("bad-value", "'aggregate' is one of count, sum, avg, min, max, p50 to p99")
    return name


def _value_path(value: str) -> str:
    if value != "count" and not value.startswith("payload."):
        raise PydanticCustomError("bad-metric-value", "'value' is 'count' or a path such as payload.latency_ms")
    return value


class Metric(Document):
    """An aggregate over the last `range`, compared with `threshold`."""

    value: Annotated[str, AfterValidator(_value_path)]
    aggregate: Annotated[
        str, AfterValidator(_aggregate), WithJsonSchema({"type": "string", "enum": [*AGGREGATES]})
    ]
    operator: Literal["<", "<=", ">", ">="]
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    range: Annotated[Duration, Field(gt=0)]
    firing_for: Duration = 0


class MetricTrigger(EventFilter):
    """Triggers while an aggregate over events holds."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["type"]}, {"required": ["posture"]}]})
    noun: ClassVar[str] = "metric trigger"

    type: Literal["metric"] = "metric"
    name: PartName | None = None
    posture: Literal["Metric"] = "Metric"
    metric: Annotated[Metric, BeforeValidator(_not_from_prefect_cloud)]


def _two_or_more(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) < 2:
        raise PydanticCustomError("few-parts", "a composite has two parts or more")
    return value


class _Composite(Document):
    """`within` None: unlimited. All parts must agree on `for_each`."""

    name: PartName | None = None
    triggers: Annotated[
        tuple[Part, ...], BeforeValidator(_two_or_more), Field(strict=False, json_schema_extra={"minItems": 2})
    ]
    within: Annotated[Duration, Field(gt=0)] | None = None
    for_each: GroupLabels = ()

    @model_validator(mode="after")
    def _means_something(self) -> _Composite:
        names: set[str] = set()
        for index, part in enumerate(self.triggers):
            if part.name in names:
                raise PydanticCustomError(
                    "duplicate-part",
                    "two parts are named {name}",
                    {"name": repr(part.name), "at": ("triggers", index, "name")},
                )
            names |= {part.name} if part.name is not None else set()
        if all(may_lack_event(part) for part in self.triggers):
            raise PydanticCustomError(
                "no-event",
                "no part has an event for sure: one must react to events, or have 'after' or 'for_each'",
                {"at": ("triggers",)},
            )
        return self


def _how_many(value: Any) -> Any:
    if value not in ("any", "all") and (type(value) is not int or value < 1):
        raise PydanticCustomError("bad-require", "'require' is any, all, or how many of the parts, at least 1")
    return value


_HOW_MANY: JsonObject = {"anyOf": [{"enum": ["any", "all"]}, {"type": "integer", "minimum": 1}], "default": "all"}


class CompoundTrigger(_Composite):
    """Fires when some or all of its parts have fired."""

    noun: ClassVar[str] = "compound trigger"

    type: Literal["compound"] = "compound"
    require: Annotated[Literal["any", "all"] | int, BeforeValidator(_how_many), WithJsonSchema(_HOW_MANY)] = "all"

    @model_validator(mode="after")
    def _within_reach(self) -> CompoundTrigger:
        if self.required > len(self.triggers):
            raise PydanticCustomError(
                "bad-require",
                "'require' is {required}, and there are {parts} parts",
                {"required": self.required, "parts": len(self.triggers), "at": ("require",)},
            )
        return self

    @property
    def required(self) -> int:
        """How many parts must have fired."""
        if isinstance(self.require, int):
            return self.require
        return 1 if self.require == "any" else len(self.triggers)


class SequenceTrigger(_Composite):
    """Fires when its parts have fired in the order in which they are listed."""

    noun: ClassVar[str] = "sequence trigger"

    type: Literal["sequence"] = "sequence"

    @property
    def required(self) -> int:
        """How many parts must have fired: all."""
        return len(self.triggers)


class Schedule(Document):
    """Either five cron fields, or an interval that is counted from `anchor_date`; both in `timezone`. `catch_up`:
    how old a missed tick may be and still fire after downtime.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["cron"]}, {"required": ["interval"]}]})

    cron: CronExpression | None = None
    interval: Annotated[Duration, Field(ge=SECOND)] | None = None
    anchor_date: Moment = 0
    timezone: TimeZone = "UTC"
    catch_up: Duration = 300 * SECOND

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if (self.cron is None) == (self.interval is None):
            raise PydanticCustomError("bad-schedule", "a schedule has either 'cron' or 'interval'")
        if self.interval is None and "anchor_date" in self.model_fields_set:
            raise PydanticCustomError(
                "bad-schedule", "'anchor_date' belongs to 'interval'", {"at": ("anchor_date",)}
            )
        return self


class ScheduleTrigger(Document):
    """Fires by the clock."""

    noun: ClassVar[str] = "schedule trigger"

    type: Literal["schedule"]
    schedule: Schedule


def _type_of(value: Any) -> Any:
    """The type that is written, else the one that the fields tell (rules.md 10)."""
    if not isinstance(value, dict):
        return getattr(value, "type", "event")
    if "triggers" in value:
        return value.get("type", "compound" if "require" in value else "sequence")
    return value.get("type", "metric" if value.get("posture") == "Metric" else "event")


CompositeTrigger = CompoundTrigger | SequenceTrigger
LeafTrigger = EventTrigger | MetricTrigger | ScheduleTrigger
Part = Annotated[
    Annotated[EventTrigger, Tag("event")]
    | Annotated[MetricTrigger, Tag("metric")]
    | Annotated[CompoundTrigger, Tag("compound")]
    | Annotated[SequenceTrigger, Tag("sequence")],
    Discriminator(_type_of),
]
Trigger = Annotated[
    Annotated[EventTrigger, Tag("event")]
    | Annotated[MetricTrigger, Tag("metric")]
    | Annotated[CompoundTrigger, Tag("compound")]
    | Annotated[SequenceTrigger, Tag("sequence")]
    | Annotated[ScheduleTrigger, Tag("schedule")],
    Discriminator(_type_of),
]


def may_lack_event(trigger: Trigger) -> bool:
    """True when a firing of it may have no event: silence of all there is, or an aggregate of nothing."""
    match trigger:
        case EventTrigger():
            return trigger.proactive and not trigger.after and not trigger.for_each
        case MetricTrigger():
            return trigger.metric.aggregate in ("count", "sum")
        case ScheduleTrigger():
            return True
        case _:
            return False


CompoundTrigger.model_rebuild()
SequenceTrigger.model_rebuild()

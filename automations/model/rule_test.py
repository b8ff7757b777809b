"""A rule test, as a user writes it (rules.md section 8). Durations and offsets are in microseconds once loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from automations.model.document import Document, JsonObject
from automations.model.event import MAX_HOPS
from automations.model.labels import RelatedLabels, ResourceLabels
from automations.model.moment import Duration, parse_duration, parse_moment

DEFAULT_START: Final = parse_moment("2026-01-01T00:00:00Z")
SOURCE: Final = "test"

Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class When:
    """A time in a test: counted from its start, or absolute (microseconds)."""

    micros: int
    absolute: bool = False

    def after(self, start: int) -> int:
        """Return the moment, for a test that starts at `start`."""
        return self.micros if self.absolute else start + self.micros


def _when(value: Any) -> When:
    try:
        if isinstance(value, str) and value[:5].rstrip("-").isdigit() and "-" in value:
            return When(parse_moment(value), absolute=True)
        return When(parse_duration(value))
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("bad-time", "{reason}", {"reason": str(error)}) from None


def _start(value: Any) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("bad-time", "a start is a time such as 2026-01-01T00:00:00Z")
    try:
        return parse_moment(value)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("bad-time", "{reason}", {"reason": str(error)}) from None


Start = Annotated[int, BeforeValidator(_start), WithJsonSchema({"type": "string", "format": "date-time"})]
Time = Annotated[
    When,
    PlainValidator(_when),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 2}],
            "description": "Seconds or a duration (30s, 1h30m) from the start, or a time (2026-01-01T00:00:20Z)",
        }
    ),
]


class EventOfTest(Document):
    """An event that the test sends, `received` when it happens (`at`) unless told otherwise."""

    noun: ClassVar[str] = "test event"

    at: Time
    event: Annotated[str, Field(min_length=1, max_length=1024)]
    resource: ResourceLabels
    related: tuple[RelatedLabels, ...] = Field(default=(), strict=False)
    payload: JsonObject = Field(default_factory=dict)
    source: Name = SOURCE
    id: Name | None = None
    follows: Name | None = None
    received: Time | None = None
    hops: Annotated[int, Field(ge=0, le=MAX_HOPS)] = 0


class Down(Document):
    """The engine stops for so long, and takes its state up again."""

    noun: ClassVar[str] = "stop"

    down: Annotated[Duration, Field(gt=0)]


def _kind(value: Any) -> str:
    stops = isinstance(value, Down) or (isinstance(value, dict) and "down" in value)
    return "Down" if stops else "EventOfTest"


class ExpectedAction(Document):
    """The keys of an action that are compared; `failed` is the code of a render or policy that fails."""

    noun: ClassVar[str] = "expected action"
    model_config = ConfigDict(extra="allow")

    type: Name | None = None
    failed: Literal["undefined", "type", "limit", "policy", "refused"] | None = None


class ExpectedFiring(Document):
    """A firing that has to come; what is left out is not compared."""

    noun: ClassVar[str] = "firing"

    at: Time | None = None
    automation: Name | None = None
    labels: dict[str, str] | None = None
    state: Literal["triggered", "resolved"] | None = None
    actions: tuple[ExpectedAction, ...] | None = Field(default=None, strict=False)


class RuleTest(Document):
    """Events in, firings out. Without `expect` firings are not compared; an empty one claims silence."""

    noun: ClassVar[str] = "test"

    name: Name
    start: Start = DEFAULT_START
    events: tuple[
        Annotated[
            Annotated[EventOfTest, Tag("EventOfTest")] | Annotated[Down, Tag("Down")],
            Discriminator(_kind),
        ],
        ...,
    ] = Field(strict=False)
    until: Time | None = None
    expect: tuple[ExpectedFiring, ...] | None = Field(default=None, strict=False)
    automation: Name | None = None
    suppressed: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _claims_something(self) -> RuleTest:
        if self.expect is None and self.suppressed is None:
            raise PydanticCustomError("no-claim", "the test claims nothing; write 'expect' ([] for silence)")
        return self


class RuleTestFile(Document):
    """One document of a test file."""

    noun: ClassVar[str] = "test file"

    tests: tuple[RuleTest, ...] = Field(strict=False)

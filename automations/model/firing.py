"""A firing: an automation's trigger held, for one group, because of these events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from automations.model.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from automations.model.document import JsonObject
    from automations.model.event import Event

FiringKind = Literal["fire", "trigger", "resolve"]


@dataclass(frozen=True, slots=True)
class FiringPart:
    """The firing of one part of a composite, inside the firing of the whole."""

    at: int
    labels: Mapping[str, str]
    event: Event | None
    events: tuple[Event, ...]
    parts: Mapping[str, FiringPart] = field(default_factory=dict)

    @property
    def all_events(self) -> Iterator[Event]:
        """Every event behind it, some more than once."""
        yield from self.events
        if self.event is not None:
            yield self.event
        for part in self.parts.values():
            yield from part.all_events

    def to_dict(self) -> JsonObject:
        """As JSON; events stand by their keys."""
        return {
            "at": self.at,
            "labels": self.labels,
            "event": self.event.key if self.event else None,
            "events": [event.key for event in self.events],
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
        }


@dataclass(frozen=True, slots=True)
class Firing:
    """`at` is in event time (microseconds). `events` are the counted events in order of event time;
    `count` is their true number where `truncated` says that some bodies were let go. `parts` are those of a
    composite, by index and by name.
    """

    id: str
    automation: str
    kind: FiringKind
    at: int
    labels: Mapping[str, str] = field(default_factory=dict)
    event: Event | None = None
    events: tuple[Event, ...] = ()
    count: int = 1
    truncated: bool = False
    reason: Reason = Reason.FIRED
    parts: Mapping[str, FiringPart] = field(default_factory=dict)

    @property
    def hops(self) -> int:
        """How long the chain behind this firing is: its longest event's."""
        return max((event.hops for event in self.all_events), default=0)

    @property
    def all_events(self) -> Iterator[Event]:
        """Every event behind it, some more than once."""
        yield from self.events
        if self.event is not None:
            yield self.event
        for part in self.parts.values():
            yield from part.all_events

    @property
    def suppressed(self) -> bool:
        """True when a guard held it back: recorded, counted, no action."""
        return self.reason is not Reason.FIRED

    def to_dict(self) -> JsonObject:
        """The JSON object that is stored; events stand by their keys: their bodies are kept once."""
        return {
            "id": self.id,
            "automation": self.automation,
            "kind": self.kind,
            "at": self.at,
            "labels": self.labels,
            "event": self.event.key if self.event else None,
            "events": [event.key for event in self.events],
            "count": self.count,
            "truncated": self.truncated,
            "reason": self.reason,
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
        }

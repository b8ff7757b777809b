"""A firing: an automation's trigger held, for one group, because of these events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from automations.model.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

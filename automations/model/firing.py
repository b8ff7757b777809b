"""A firing: an automation's trigger held, for one group, because of these events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from automations.model.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automations.model.event import Event

FiringKind = Literal["fire", "trigger", "resolve"]


@dataclass(frozen=True, slots=True)
class Firing:
    """`at` is in event time (microseconds). `events` are the counted events in order of event time;
    `count` is their true number where `truncated` says that some bodies were let go.
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

    @property
    def hops(self) -> int:
        """How long the chain behind this firing is: its longest event's."""
        return max((event.hops for event in self.events), default=0)

    @property
    def suppressed(self) -> bool:
        """True when a guard held it back: recorded, counted, no action."""
        return self.reason is not Reason.FIRED

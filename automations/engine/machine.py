"""What all triggers have in common: an input goes in, a step comes out.

A machine is one leaf of a trigger. It holds no state: the state of each of its groups is plain JSON, handed in and
handed back changed, None where there is nothing to remember. No machine changes what it is handed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from automations.engine.entries import Entry, entry_of
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import FiringKind
from automations.model.reason import Reason


@dataclass(frozen=True, slots=True)
class Spark:
    """A trigger, or a part of one, fires or resolves at `at`.

    `causes` identifies it among all sparks of its group: (source, id) of the counted events, or the timer.
    `count` is the true number where `entries` are bounded. `parts` are those of a composite, by index and name.
    """

    at: int
    kind: FiringKind
    causes: list[list[str]]
    entries: list[Entry] = field(default_factory=list)
    count: int = 0
    event: Entry | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Spark] = field(default_factory=dict)

    @classmethod
    def counted(cls, entries: list[Entry]) -> Spark:
        """The firing of counted events, in order of time: its event and its time are the newest one's."""
        return cls(entries[-1][0], "fire", [entry[1:3] for entry in entries], entries, len(entries), entries[-1])

    def to_state(self) -> JsonObject:
        """The plain JSON that a cell keeps; `from_state` reads it."""
        return {
            "at": self.at,
            "kind": self.kind,
            "causes": self.causes,
            "entries": self.entries,
            "count": self.count,
            "event": self.event,
            "labels": self.labels,
            "parts": {name: part.to_state() for name, part in self.parts.items()},
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Spark:
        """Read what `to_state` wrote."""
        spark = cls(**{**state, "parts": {}})
        return replace(spark, parts={name: cls.from_state(part) for name, part in state["parts"].items()})


@dataclass(frozen=True)
class Arrival:
    """A matching event at a leaf, its cell's `number`th. `clock`: the cell's, with this input. `expected`,
    `opening`: it is named by `expect`, by `after`.
    """

    event: Event
    number: int
    clock: int
    horizon: int | None = None
    """The oldest event time that still counts; None where no window bounds it."""
    expected: bool = True
    opening: bool = False

    @property
    def time(self) -> int:
        """The event time."""
        return self.event.time

    @cached_property
    def entry(self) -> Entry:
        """The event as cells keep it."""
        return entry_of(self.event, self.number)


@dataclass(frozen=True, slots=True)
class Step:
    """The next state of the group (None: nothing to remember), what came of it, and why."""

    state: JsonObject | None
    sparks: tuple[Spark, ...] = ()
    reason: Reason = Reason.COUNTED


class Machine(Protocol):
    """One leaf of a trigger."""

    def opened(self, clock: int) -> JsonObject | None:
        """Return the state of a group that nobody has to open: a timer's. None where events open groups."""
        ...

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """Take a matching event."""
        ...

    def deadline(self, state: JsonObject) -> int | None:
        """Return the next moment at which time alone decides something; None where nothing waits."""
        ...

    def pass_deadline(self, state: JsonObject) -> Step:
        """Decide what is due at `deadline(state)`, which has passed."""
        ...

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject | None:
        """Leave out what the engine missed while it was away until `clock`, but the last of it."""
        ...

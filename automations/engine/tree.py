"""A trigger, compiled: its leaves with their machines, its composites, and how they hang together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from zoneinfo import ZoneInfo

from automations.engine.composite import Composite
from automations.engine.conditions import Alternatives, TextPredicate
from automations.engine.grouping import payload_path, scalar_at
from automations.engine.machine import Machine
from automations.engine.metric import Aggregate
from automations.engine.proactive import AwaitedWindow, Deadline, WindowTrain
from automations.engine.reactive import Immediate, OpenedWindow, SlidingWindow
from automations.engine.schedule import Timer, next_beat, next_tick
from automations.model.event import Event
from automations.model.trigger import (
    CompositeTrigger,
    CompoundTrigger,
    EventTrigger,
    LeafTrigger,
    MetricTrigger,
    Part,
    Schedule,
    ScheduleTrigger,
    SequenceTrigger,
    Trigger,
)

Labels = tuple[str, ...]

ROOT = "trigger"
"""The path of the whole trigger; a part's is its parent's and `.triggers.<index>`."""


@dataclass(frozen=True)
class Place:
    """Where a trigger stands: `labels` are its own group labels behind those of all its parents, so that a
    parent's group is the beginning of its parts'. `parent` and `part` are None and "" at the root.
    """

    path: str
    labels: Labels
    parent: str | None = None
    part: str = ""


@dataclass(frozen=True)
class Leaf:
    """A trigger without parts."""

    place: Place
    trigger: LeafTrigger
    machine: Machine

    @cached_property
    def expects(self) -> TextPredicate:
        """Tell whether an event of that name is expected. Empty `expect`: any is."""
        names = () if isinstance(self.trigger, ScheduleTrigger) else self.trigger.expect
        return Alternatives.of(names).text_predicate() if names else lambda _name: True

    @cached_property
    def opens(self) -> TextPredicate:
        """Tell whether an event of that name opens a window."""
        names = self.trigger.after if isinstance(self.trigger, EventTrigger) else ()
        return Alternatives.of(names).text_predicate() if names else lambda _name: False

    @cached_property
    def self_starting(self) -> bool:
        """True when no event has to come before it can fire."""
        return self.machine.opened(0) is not None


@dataclass(frozen=True)
class Parent:
    """A trigger with parts."""

    place: Place
    trigger: CompositeTrigger
    composite: Composite


@dataclass(frozen=True)
class Tree:
    """All of a trigger by path, in the order of the document, parents before their parts. `span`: the greatest
    window in it (microseconds), None where it has none.
    """

    leaves: Mapping[str, Leaf]
    parents: Mapping[str, Parent]
    span: int | None

    @cached_property
    def self_starting(self) -> bool:
        """True when it can fire without any event."""
        return any(leaf.self_starting for leaf in self.leaves.values())

    @cached_property
    def stays_triggered(self) -> bool:
        """True when the whole has a triggered state, which it enters and leaves."""
        root = self.leaves.get(ROOT)
        return root is not None and isinstance(root.machine, WindowTrain | AwaitedWindow | Aggregate)


def compile_tree(trigger: Trigger) -> Tree:
    """Compile a trigger with all its parts."""
    nodes = list(_nodes(trigger, Place(ROOT, _labels_of(trigger))))
    return Tree(
        leaves={node.place.path: node for node in nodes if isinstance(node, Leaf)},
        parents={node.place.path: node for node in nodes if isinstance(node, Parent)},
        span=max((span for node in nodes if (span := _span(node.trigger))), default=None),
    )


def _labels_of(trigger: Trigger | Part) -> Labels:
    return () if isinstance(trigger, ScheduleTrigger) else trigger.for_each


def _nodes(trigger: Trigger | Part, place: Place) -> Iterator[Leaf | Parent]:
    if not isinstance(trigger, CompoundTrigger | SequenceTrigger):
        yield Leaf(place, trigger, _machine(trigger, place.labels))
        return
    yield Parent(place, trigger, _composite(trigger))
    for index, part in enumerate(trigger.triggers):
        labels = tuple(dict.fromkeys([*place.labels, *part.for_each]))
        yield from _nodes(part, Place(f"{place.path}.triggers.{index}", labels, place.path, str(index)))


def _composite(trigger: CompositeTrigger) -> Composite:
    names = [part.name for part in trigger.triggers]
    return Composite(names, trigger.required, trigger.within, isinstance(trigger, SequenceTrigger))


def _ticks(schedule: Schedule) -> Callable[[int], int | None]:
    zone = ZoneInfo(schedule.timezone)
    if schedule.interval is not None:
        return partial(next_beat, schedule.interval, schedule.anchor_date, zone)
    return partial(next_tick, schedule.cron or "", zone)


def _machine(trigger: LeafTrigger, labels: Labels) -> Machine:
    match trigger:
        case ScheduleTrigger():
            return Timer(_ticks(trigger.schedule), trigger.schedule.catch_up)
        case MetricTrigger():
            metric = trigger.metric
            return Aggregate(
                _value(metric.value),
                metric.aggregate,
                metric.operator,
                metric.threshold,
                metric.range,
                metric.firing_for,
            )
    if trigger.proactive:
        deadline = Deadline(trigger.threshold, trigger.span, trigger.grace)
        return AwaitedWindow(deadline) if trigger.after else WindowTrain(deadline, aligned=not labels)
    if trigger.after:
        return OpenedWindow(trigger.threshold, trigger.within)
    return Immediate() if trigger.immediate else SlidingWindow(trigger.threshold, trigger.within)


def _value(value: str) -> Callable[[Event], float | None]:
    """Return how to read a metric's sample from an event; a boolean is no number."""
    if value == "count":
        return lambda _event: 1
    path = payload_path(value)

    def number(event: Event) -> float | None:
        found = scalar_at(event.payload, path)
        return found if isinstance(found, int | float) and not isinstance(found, bool) else None

    return number


def _span(trigger: Trigger | Part) -> int | None:
    match trigger:
        case EventTrigger():
            return trigger.span
        case MetricTrigger():
            return trigger.metric.range
        case CompoundTrigger() | SequenceTrigger():
            return trigger.within
    return None

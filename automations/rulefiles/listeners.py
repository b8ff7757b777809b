"""Which caused events a trigger may take, and whether they can make it fire by themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from automations.engine.conditions import Alternatives, Filter
from automations.model.filters import EventFilter
from automations.model.trigger import CompoundTrigger, EventTrigger, MetricTrigger, SequenceTrigger, Trigger
from automations.rulefiles.causes import Cause, Occasion

Names = tuple[str, ...]


class Caused:
    """Causes, to be asked for by the names of their events."""

    def __init__(self, causes: Iterable[Cause]) -> None:
        self._causes: Mapping[Occasion, list[Cause]] = defaultdict(list)
        self._by_name: Mapping[str, list[Occasion]] = defaultdict(list)
        self._open: list[Occasion] = []
        for cause in causes:
            occasion = cause.occasion
            if occasion not in self._causes:
                known = occasion.name.tail is None
                (self._by_name[occasion.name.head] if known else self._open).append(occasion)
            self._causes[occasion].append(cause)

    def named(self, names: Names) -> Iterator[tuple[Occasion, Sequence[Cause]]]:
        """Yield what may have one of the names; all where there are none."""
        wanted = Alternatives.of(names)
        occasions: Iterable[Occasion] = self._causes
        if wanted.exact:
            occasions = [found for name in wanted.literals for found in self._by_name.get(name, ())] + self._open
        for occasion in occasions:
            if not names or occasion.name.may_be(wanted):
                yield occasion, self._causes[occasion]


class Listener:
    """A trigger without parts, at the events of some names: those it expects, or those that open its window."""

    def __init__(self, trigger: EventFilter, names: Names, caused: Caused) -> None:
        self._trigger = trigger
        self._coming = self._candidates(caused.named(names))
        self._heard: Cause | None = None

    def hears(self, living: Container[str]) -> Cause | None:
        """Return a cause, of one of the living automations, of events that the trigger may take.

        From one call to the next automations die and none comes back, so that no cause is looked at twice.
        """
        while self._heard is None or self._heard.automation not in living:
            self._heard = next(self._coming, None)
            if self._heard is None:
                return None
        return self._heard

    def _candidates(self, named: Iterator[tuple[Occasion, Sequence[Cause]]]) -> Iterator[Cause]:
        """What `where` makes of an event is not known."""
        wanted: Filter | None = None
        for occasion, alike in named:
            wanted = wanted or Filter.of(self._trigger)
            if all(map(occasion.resource.may_hold, wanted.labels)):
                yield from (cause for cause in alike if _may_take(wanted, cause))


def _may_take(wanted: Filter, cause: Cause) -> bool:
    if wanted.payload is not None and cause.payload is not None and not wanted.payload.matches(cause.payload):
        return False
    return all(map(cause.may_satisfy, wanted.related))


@dataclass(frozen=True)
class Need:
    """What has to come for a trigger to fire: `required` of its parts."""

    parts: Sequence[Need | Listener]
    required: int

    def met_by(self, living: Container[str]) -> bool:
        """True when what the living automations cause can make the trigger fire."""
        met = (p.met_by(living) if isinstance(p, Need) else p.hears(living) is not None for p in self.parts)
        return sum(met) >= self.required

    def heard(self, living: Container[str]) -> Iterator[Cause]:
        """Yield what its listeners hear."""
        for part in self.parts:
            if isinstance(part, Need):
                yield from part.heard(living)
            elif (cause := part.hears(living)) is not None:
                yield cause


def need_of(trigger: Trigger, caused: Caused) -> Need:
    """Return what a trigger needs. What fires by the clock alone needs something that never comes."""
    match trigger:
        case EventTrigger():
            listeners = [Listener(trigger, names, caused) for names in _names(trigger)]
        case MetricTrigger():
            listeners = [Listener(trigger, trigger.expect, caused)]
        case CompoundTrigger() | SequenceTrigger():
            return Need([need_of(part, caused) for part in trigger.triggers], trigger.required)
        case _:
            listeners = []
    return Need(listeners, max(len(listeners), 1))


def _names(trigger: EventTrigger) -> Sequence[Names]:
    """Silence counts from an event: from `after`, or from the group's last one."""
    if not trigger.proactive:
        return [trigger.after, trigger.expect] if trigger.after else [trigger.expect]
    if trigger.after:
        return [trigger.after]
    return [trigger.expect] if trigger.for_each else []

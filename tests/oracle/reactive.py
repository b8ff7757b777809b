"""Reactive event triggers (rules 4.1 and 10)."""

from dataclasses import dataclass, field
from typing import Any

from oracle.durations import duration
from oracle.filters import is_after, is_expected
from oracle.groups import Group, group_of, keys_of
from oracle.occurrence import Occurrence
from oracle.spark import Spark, in_order


@dataclass(eq=False)
class Opened:
    """A window [start, start + within] that an `after` event opened."""

    start: int
    counted: list[Occurrence] = field(default_factory=list)


@dataclass(eq=False)
class ReactiveGroup:
    unspent: list[Occurrence] = field(default_factory=list)
    silences: list[int] = field(default_factory=list)  # each [start, start + within)
    opened: list[Opened] = field(default_factory=list)


class Reactive:
    """Fires at events; has no deadlines."""

    def __init__(self, trigger: dict[str, Any], inherited: tuple[str, ...] = ()) -> None:
        self.trigger = trigger
        self.keys = tuple(dict.fromkeys(inherited + keys_of(trigger)))
        self.threshold = int(trigger.get("threshold", 1))
        self.within = duration(trigger.get("within", 0))
        self.groups: dict[Group, ReactiveGroup] = {}

    @property
    def window(self) -> int | None:
        return self.within or None

    def matches(self, event: Occurrence) -> bool:
        relevant = is_expected(self.trigger, event) or is_after(self.trigger, event)
        return relevant and group_of(self.keys, event) is not None

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        group = group_of(self.keys, event)
        if group is None or not self.matches(event):
            return []
        if not self.within:
            return [Spark(event.t, group, event, (event,))]
        state = self.groups.setdefault(group, ReactiveGroup())
        forget(state, horizon)
        counted = self.after(state, event) if self.trigger.get("after") else self.sliding(state, event)
        if not counted:
            return []
        events = in_order(counted)
        return [Spark(events[-1].t, group, events[-1], events)]

    def sliding(self, state: ReactiveGroup, event: Occurrence) -> list[Occurrence]:
        """The earliest `threshold` unspent events that span at most `within`, if this event completes any."""
        if any(start <= event.t < start + self.within for start in state.silences):
            return []
        state.unspent = sorted([*state.unspent, event], key=lambda each: each.order)
        for first in range(len(state.unspent) - self.threshold + 1):
            chosen = state.unspent[first : first + self.threshold]
            if chosen[-1].t - chosen[0].t <= self.within:
                state.unspent = [each for each in state.unspent if each not in chosen]
                state.silences.append(chosen[0].t)
                return chosen
        return []

    def after(self, state: ReactiveGroup, event: Occurrence) -> list[Occurrence]:
        around = [w for w in state.opened if w.start <= event.t <= w.start + self.within]
        if not around:
            if is_after(self.trigger, event):
                state.opened.append(Opened(event.t))  # an event that is both does not count in it
            return []
        window = min(around, key=lambda each: each.start)
        if not is_expected(self.trigger, event):
            return []
        window.counted.append(event)
        if len(window.counted) < self.threshold:
            return []
        state.opened.remove(window)
        return window.counted

    def next_deadline(self) -> int | None:
        return None

    def judge(self, instant: int) -> list[Spark]:
        return []

    def after_downtime(self, now: int) -> None:
        pass


def forget(state: ReactiveGroup, horizon: int | None) -> None:
    """Windows are kept for `lateness`: what starts before the horizon is over."""
    if horizon is not None:
        state.unspent = [event for event in state.unspent if event.t >= horizon]
        state.opened = [window for window in state.opened if window.start >= horizon]

"""Proactive event triggers (rules 4.1 and 10): they fire at a window's end when too little came in it."""

from dataclasses import dataclass, field
from typing import Any

from oracle.durations import duration
from oracle.filters import is_after, is_expected
from oracle.groups import Group, group_of, in_order_of_labels, keys_of
from oracle.occurrence import SECOND, Occurrence
from oracle.spark import Spark, in_order, newest

SHORTEST = 10 * SECOND


@dataclass(eq=False)
class ProactiveGroup:
    """Everything that came, and which windows [start, start + within) still wait for their deadline."""

    came: list[Occurrence] = field(default_factory=list)  # matched `expect` or `after`
    expected: list[Occurrence] = field(default_factory=list)
    counted: dict[int, list[Occurrence]] = field(default_factory=dict)  # with `after`: start of an open window
    start: int | None = None  # without `after`: the window that is judged next; None while asleep
    judged_until: int | None = None  # without `after`: where the last judged window ended
    triggered: bool = False


class Proactive:
    """All four forms: with or without `after`, with or without groups."""

    def __init__(self, trigger: dict[str, Any], loaded: int, inherited: tuple[str, ...] = ()) -> None:
        self.trigger = trigger
        self.keys = tuple(dict.fromkeys(inherited + keys_of(trigger)))
        self.threshold = int(trigger.get("threshold", 1))
        self.within = duration(trigger.get("within", 0)) or SHORTEST
        self.grace = duration(trigger.get("grace", 0))
        self.with_after = bool(trigger.get("after"))
        self.groups: dict[Group, ProactiveGroup] = {}
        if self.aligned:
            self.groups[()] = ProactiveGroup(start=-(-loaded // self.within) * self.within)

    @property
    def aligned(self) -> bool:
        return not self.with_after and not self.keys

    @property
    def window(self) -> int | None:
        return self.within

    def matches(self, event: Occurrence) -> bool:
        relevant = is_expected(self.trigger, event) or is_after(self.trigger, event)
        return relevant and group_of(self.keys, event) is not None

    # The event

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        group = group_of(self.keys, event)
        if group is None or not self.matches(event):
            return []
        state = self.groups.setdefault(group, ProactiveGroup())
        state.came.append(event)
        if is_expected(self.trigger, event):
            state.expected.append(event)
        if self.with_after:
            self.take_with_after(state, event)
        elif state.start is None and (state.judged_until is None or event.t >= state.judged_until):
            state.start = event.t  # the group's first event, or the one that wakes it
        return self.resolved(state, group, event) if is_expected(self.trigger, event) else []

    def take_with_after(self, state: ProactiveGroup, event: Occurrence) -> None:
        around = [start for start in state.counted if start <= event.t < start + self.within]
        completed = False
        if around and is_expected(self.trigger, event):
            state.counted[min(around)].append(event)
            completed = len(state.counted[min(around)]) >= self.threshold
        if completed:
            del state.counted[min(around)]
        if is_after(self.trigger, event) and (not around or completed):
            state.counted.setdefault(event.t, [])

    def resolved(self, state: ProactiveGroup, group: Group, event: Occurrence) -> list[Spark]:
        if not state.triggered:
            return []
        state.triggered = False
        return [Spark(event.t, group, event, (event,), "resolved")]

    # The clock

    def waiting(self, state: ProactiveGroup) -> list[int]:
        """Starts of the windows whose deadline is still to come."""
        if self.with_after:
            return sorted(state.counted)
        return [] if state.start is None else [state.start]

    def deadline(self, start: int) -> int:
        return start + self.within + self.grace

    def next_deadline(self) -> int | None:
        starts = [start for state in self.groups.values() for start in self.waiting(state)]
        return min((self.deadline(start) for start in starts), default=None)

    def judge(self, instant: int) -> list[Spark]:
        sparks = []
        for group, state in sorted(self.groups.items(), key=in_order_of_labels):
            for start in self.waiting(state):
                if self.deadline(start) == instant:
                    sparks += self.judge_window(group, state, start)
        return sparks

    def judge_window(self, group: Group, state: ProactiveGroup, start: int) -> list[Spark]:
        counted = self.counted_in(state, start)
        healthy = len(counted) >= self.threshold
        self.move_on(state, start, healthy)
        if healthy:
            return []
        deadline = self.deadline(start)
        context = newest([event for event in state.came if event.t < deadline])
        state.triggered = True
        fired = Spark(deadline, group, context, in_order(counted))
        return [fired, *self.resolved_ahead(state, group, deadline)]

    def counted_in(self, state: ProactiveGroup, start: int) -> list[Occurrence]:
        if self.with_after:
            return state.counted[start]
        return [event for event in state.expected if start <= event.t < start + self.within]

    def move_on(self, state: ProactiveGroup, start: int, healthy: bool) -> None:
        """Close the window, and find the next one."""
        if self.with_after:
            del state.counted[start]
            return
        end = state.judged_until = start + self.within
        if healthy or self.aligned:
            state.start = end
        else:
            state.start = min((event.t for event in state.came if event.t >= end), default=None)

    def resolved_ahead(self, state: ProactiveGroup, group: Group, deadline: int) -> list[Spark]:
        """The group's next expected event may be here already, dated at the deadline or beyond."""
        ahead = [event for event in state.expected if event.t >= deadline]
        return self.resolved(state, group, min(ahead, key=lambda each: each.order)) if ahead else []

    def after_downtime(self, now: int) -> None:
        """Of the windows that passed during downtime only the last one of each group is judged."""
        for state in self.groups.values():
            passed = [start for start in self.waiting(state) if self.deadline(start) <= now]
            if not passed:
                continue
            if self.with_after:
                state.counted = {s: c for s, c in state.counted.items() if s not in passed or s == max(passed)}
            else:
                missed = (now - self.deadline(passed[0])) // self.within
                state.start = passed[0] + missed * self.within

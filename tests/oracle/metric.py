"""Metric triggers (rules 4.3 and 10): an aggregate over the last `range`, judged at events and by the clock."""

import operator
from dataclasses import dataclass, field
from typing import Any

from oracle.durations import duration
from oracle.filters import is_expected
from oracle.groups import MISSING, Group, group_of, in_order_of_labels, keys_of, payload_value
from oracle.occurrence import Occurrence
from oracle.patterns import is_number
from oracle.spark import Spark, State, in_order, newest

COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(eq=False)
class MetricGroup:
    samples: list[tuple[Occurrence, float]] = field(default_factory=list)
    holds_since: int | None = None
    triggered: bool = False


def aggregated(name: str, values: list[float]) -> float | None:
    """The aggregate, or None where there is none: anything but `count` and `sum` of nothing."""
    if name == "count":
        return len(values)
    if name == "sum":
        return sum(values)
    if not values:
        return None
    if name == "avg":
        return sum(values) / len(values)
    if name in {"min", "max"}:
        return min(values) if name == "min" else max(values)
    return nearest_rank(int(name.removeprefix("p")), values)


def nearest_rank(percent: int, values: list[float]) -> float:
    """The smallest value such that at least `percent` of all are not greater."""
    rank = -(-percent * len(values) // 100)
    return sorted(values)[rank - 1]


class Metric:
    """Triggers when the aggregate has held for `firing_for`, resolves when it no longer holds."""

    def __init__(self, trigger: dict[str, Any], inherited: tuple[str, ...] = ()) -> None:
        self.trigger = trigger
        self.keys = tuple(dict.fromkeys(inherited + keys_of(trigger)))
        self.metric = trigger["metric"]
        self.range = duration(self.metric["range"])
        self.firing_for = duration(self.metric.get("firing_for", 0))
        self.groups: dict[Group, MetricGroup] = {}
        self.judged = 0  # every change up to this instant has been seen

    @property
    def window(self) -> int | None:
        return self.range

    def value_of(self, event: Occurrence) -> float | None:
        if self.metric["value"] == "count":
            return 1
        value = payload_value(self.metric["value"], event.payload)
        return value if value is not MISSING and is_number(value) else None

    def matches(self, event: Occurrence) -> bool:
        taking_part = is_expected(self.trigger, event) and self.value_of(event) is not None
        return taking_part and group_of(self.keys, event) is not None

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        group, value = group_of(self.keys, event), self.value_of(event)
        if group is None or value is None or not self.matches(event):
            return []
        state = self.groups.setdefault(group, MetricGroup())
        state.samples.append((event, value))
        self.judged = max(self.judged, clock)
        return self.judge_group(group, state, clock)

    def in_range(self, state: MetricGroup, now: int) -> list[tuple[Occurrence, float]]:
        return [(event, value) for event, value in state.samples if now - self.range < event.t <= now]

    def condition(self, state: MetricGroup, now: int) -> bool:
        aggregate = aggregated(self.metric["aggregate"], [value for _, value in self.in_range(state, now)])
        return aggregate is not None and COMPARE[self.metric["operator"]](aggregate, self.metric["threshold"])

    def judge_group(self, group: Group, state: MetricGroup, now: int) -> list[Spark]:
        if not self.condition(state, now):
            was, state.triggered, state.holds_since = state.triggered, False, None
            return [self.spark(group, state, now, "resolved")] if was else []
        if state.holds_since is None:
            state.holds_since = now
        if state.triggered or now - state.holds_since < self.firing_for:
            return []
        state.triggered = True
        return [self.spark(group, state, now, "fired")]

    def spark(self, group: Group, state: MetricGroup, now: int, entering: State) -> Spark:
        events = [event for event, _ in self.in_range(state, now)]
        return Spark(now, group, newest(events), in_order(events), entering)

    # The clock

    def changes(self, state: MetricGroup) -> list[int]:
        """When time alone changes something: a sample enters or leaves, or the condition has held long enough."""
        moments = [moment for event, _ in state.samples for moment in (event.t, event.t + self.range)]
        if state.holds_since is not None and not state.triggered:
            moments.append(state.holds_since + self.firing_for)
        return moments

    def next_deadline(self) -> int | None:
        moments = [moment for state in self.groups.values() for moment in self.changes(state)]
        return min((moment for moment in moments if moment > self.judged), default=None)

    def judge(self, instant: int) -> list[Spark]:
        self.judged = instant
        sparks = []
        for group, state in sorted(self.groups.items(), key=in_order_of_labels):
            if instant in self.changes(state):
                sparks += self.judge_group(group, state, instant)
        return sparks

    def after_downtime(self, now: int) -> None:
        pass

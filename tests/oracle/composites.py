"""Compound and sequence triggers (rules 4.2 and 10), nested freely."""

from dataclasses import dataclass, field
from typing import Any

from oracle.durations import duration
from oracle.groups import Group, group_of, keys_of, projected
from oracle.metric import Metric
from oracle.node import Node
from oracle.occurrence import Occurrence
from oracle.proactive import Proactive
from oracle.reactive import Reactive
from oracle.schedule import Schedule
from oracle.spark import Spark, in_order, newest


@dataclass(frozen=True, eq=False)
class Kept:
    """A part's firing, and its place in the order in which firings came."""

    spark: Spark
    arrival: int

    @property
    def order(self) -> tuple[int, int]:
        return (self.spark.at, self.arrival)


@dataclass(eq=False)
class CompositeGroup:
    latest: dict[int, Kept] = field(default_factory=dict)  # by the part's index


class Composite:
    """Keeps the latest firing of each part; fires when enough of them stand within `within`."""

    def __init__(self, trigger: dict[str, Any], loaded: int, inherited: tuple[str, ...] = ()) -> None:
        self.sequence = kind_of(trigger) == "sequence"
        self.keys = tuple(dict.fromkeys(inherited + keys_of(trigger)))
        self.parts: list[Node] = [node_of(part, loaded, self.keys) for part in trigger["triggers"]]
        self.within = duration(trigger["within"]) if trigger.get("within") is not None else None
        require = "all" if self.sequence else trigger.get("require", "all")
        self.needed = {"any": 1, "all": len(self.parts)}.get(require) or int(require)
        self.groups: dict[Group, CompositeGroup] = {}
        self.arrivals = 0

    @property
    def window(self) -> int | None:
        """The greatest finite window of the tree."""
        windows = [self.within, *(part.window for part in self.parts)]
        return max((window for window in windows if window is not None), default=None)

    def matches(self, event: Occurrence) -> bool:
        return any(part.matches(event) for part in self.parts)

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        """All the parts that the event goes to take it, then the parent is judged once."""
        touched: dict[Group, None] = {}
        for index in self.receivers(event):
            for spark in self.parts[index].take(event, clock, horizon):
                self.keep(index, spark, touched)
        return [fired for group in touched for fired in self.fired(group)]

    def receivers(self, event: Occurrence) -> list[int]:
        matching = [index for index, part in enumerate(self.parts) if part.matches(event)]
        if not self.sequence or not matching:
            return matching
        group = group_of(self.keys, event)
        latest = self.groups[group].latest if group in self.groups else {}
        return [next((index for index in matching if index not in latest), matching[-1])]

    def keep(self, index: int, spark: Spark, touched: dict[Group, None]) -> None:
        if spark.state == "resolved":
            return
        group = projected(spark.group, self.keys)
        state = self.groups.setdefault(group, CompositeGroup())
        self.arrivals += 1
        kept = Kept(spark, self.arrivals)
        if index not in state.latest or state.latest[index].order < kept.order:
            state.latest[index] = kept
        touched[group] = None

    def fired(self, group: Group) -> list[Spark]:
        latest = self.groups[group].latest
        reach = self.in_reach(latest)
        if not reach:
            return []
        self.groups[group].latest = {}  # all parts are spent
        events = [kept.spark.event for kept in reach if kept.spark.event is not None]
        return [Spark(max(kept.spark.at for kept in reach), group, newest(events), in_order(events))]

    def in_reach(self, latest: dict[int, Kept]) -> list[Kept]:
        """The newest set of parts' firings that suffices, or nothing."""
        for end in sorted(latest.values(), key=lambda kept: kept.order, reverse=True):
            reach = [kept for _, kept in sorted(latest.items()) if self.reaches(kept, end)]
            if len(reach) >= self.needed and (not self.sequence or in_listed_order(reach)):
                return reach
        return []

    def reaches(self, kept: Kept, end: Kept) -> bool:
        near = self.within is None or end.spark.at - kept.spark.at <= self.within
        return near and kept.order <= end.order

    # The clock

    def next_deadline(self) -> int | None:
        deadlines = [part.next_deadline() for part in self.parts]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def judge(self, instant: int) -> list[Spark]:
        """Each part's deadline in turn, the parent after each."""
        sparks: list[Spark] = []
        for index, part in enumerate(self.parts):
            if part.next_deadline() != instant:
                continue
            for spark in part.judge(instant):
                touched: dict[Group, None] = {}
                self.keep(index, spark, touched)
                sparks += [fired for group in touched for fired in self.fired(group)]
        return sparks

    def after_downtime(self, now: int) -> None:
        for part in self.parts:
            part.after_downtime(now)


def in_listed_order(reach: list[Kept]) -> bool:
    orders = [kept.order for kept in reach]
    return orders == sorted(orders)


def kind_of(trigger: dict[str, Any]) -> str:
    """`triggers` without `type` is a sequence, with `require` a compound."""
    if "type" in trigger:
        return str(trigger["type"])
    if "triggers" in trigger:
        return "compound" if "require" in trigger else "sequence"
    return "event"


def node_of(trigger: dict[str, Any], loaded: int, inherited: tuple[str, ...] = ()) -> Node:
    match kind_of(trigger):
        case "compound" | "sequence":
            return Composite(trigger, loaded, inherited)
        case "metric":
            return Metric(trigger, inherited)
        case "schedule":
            return Schedule(trigger, loaded)
    if trigger.get("posture") == "Proactive":
        return Proactive(trigger, loaded, inherited)
    return Reactive(trigger, inherited)

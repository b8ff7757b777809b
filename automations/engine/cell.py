"""One cell while one input passes through it.

A cell is the unit of state: one for each (automation, root group). Its state is plain JSON:

    {"trigger": fingerprint, "clock": moment, "newest": event time | None, "arrivals": number,
     "nodes": {path: {group key: the state of a leaf or composite}},
     "throttle": {group key: [moments]}, "bursts": {group key: burst}, "held": {group key: bool}}

An edit that does not touch the trigger keeps the cell; one that does starts it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import orjson

from automations.engine.entries import events_of
from automations.engine.grouping import Group, group_key, group_labels
from automations.engine.guards import burst_end, gather, throttle
from automations.engine.identity import firing_id
from automations.engine.machine import Arrival, Spark
from automations.engine.program import Program
from automations.engine.tree import ROOT, Leaf, Parent
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing, FiringPart
from automations.model.moment import DAY, SECOND
from automations.model.reason import Reason

LATENESS: Final = 60 * SECOND
"""The default of the setting `lateness`, microseconds, and its least value."""
STATE_RETENTION: Final = 30 * DAY
"""The default of the setting `state_retention`, microseconds."""

_BURST: Final = "burst"
_Due = tuple[int, int, tuple[Any, ...], str, str]
"""moment, the place of its trigger among those of that moment, its group's labels in order, path, group key"""


class Cell:
    """A working copy. `firings` and `reasons` (path → what became of the event there) are what came of it."""

    def __init__(
        self, program: Program, state: JsonObject | None, clock: int, lateness: int, retention: int
    ) -> None:
        self.firings: list[Firing] = []
        self.reasons: dict[str, Reason] = {}
        self._program, self._lateness = program, lateness
        self._order = {path: place for place, path in enumerate(program.tree.leaves)}
        if state is None or state["trigger"] != program.fingerprint or _idle(program, state, clock - retention):
            state = _fresh(program, clock)
        self._before: int = state["clock"]
        self._clock = max(state["clock"], clock)
        self._newest: int | None = state["newest"]
        self._arrivals: int = state["arrivals"]
        self._oldest = self._clock - retention
        self._nodes = {path: dict(groups) for path, groups in state["nodes"].items()}
        self._throttle, self._bursts = dict(state["throttle"]), dict(state["bursts"])
        self._held = dict(state["held"])

    @property
    def state(self) -> JsonObject:
        """The state after the input."""
        return {
            "trigger": self._program.fingerprint,
            "clock": self._clock,
            "newest": self._newest,
            "arrivals": self._arrivals,
            "nodes": {path: groups for path, groups in self._nodes.items() if groups},
            "throttle": self._throttle,
            "bursts": self._bursts,
            "held": self._held,
        }

    @property
    def due(self) -> int | None:
        """The next moment at which time alone decides something."""
        return min((due[0] for due in self._deadlines()), default=None)

    # --- time ----------------------------------------------------------------------------------------------

    def after_downtime(self) -> None:
        """Leave out what was missed, but the last of it."""
        for path, groups in self._nodes.items():
            if path in self._program.tree.leaves:
                machine = self._program.tree.leaves[path].machine
                for key, state in list(groups.items()):
                    self._keep(path, key, machine.after_downtime(state, self._clock))

    def pass_deadlines(self) -> None:
        """Judge every deadline up to the clock, in order of time."""
        while (due := min(self._deadlines(), default=None)) is not None and due[0] <= self._clock:
            moment, *_, path, key = due
            if path == _BURST:
                self._end_burst(key, moment)
            else:
                self._pass(self._program.tree.leaves[path], key, moment)

    def _deadlines(self) -> Iterator[_Due]:
        """At one moment triggers come before bursts: a firing at a burst's end prolongs it."""
        for path, place in self._order.items():
            leaf = self._program.tree.leaves[path]
            for key, state in self._nodes.get(path, {}).items():
                moment = leaf.machine.deadline(state)
                if moment is not None:
                    yield moment, place, _in_order(leaf.place.labels, key), path, key
        rule = self._program.automation.debounce
        if rule is not None:
            for key, burst in self._bursts.items():
                labels = _in_order(self._program.automation.for_each, key)
                yield burst_end(rule, burst), len(self._order), labels, _BURST, key

    def _pass(self, leaf: Leaf, key: str, moment: int) -> None:
        step = leaf.machine.pass_deadline(self._node(leaf)[key])
        self._keep(leaf.place.path, key, step.state)
        for spark in step.sparks:
            now = max(self._before, moment, spark.at)
            parent = self._hand_up(leaf, _group(key), spark, now)
            while parent is not None:
                parent = self._judge(*parent, now)

    # --- events --------------------------------------------------------------------------------------------

    def take(self, event: Event, matches: Sequence[tuple[str, Group]]) -> None:
        """Let every leaf that the event goes to take it; then judge each parent once, the innermost first."""
        self._before = self._clock
        self._arrivals += 1
        self._newest = event.time if self._newest is None else max(self._newest, event.time)
        touched: dict[str, tuple[Parent, Group]] = {}
        for path, group in self._routed(matches):
            parent = self._arrive(self._program.tree.leaves[path], group, event)
            if parent is not None:
                touched[parent[0].place.path] = parent
        for path in sorted(self._program.tree.parents, key=len, reverse=True):
            judged = self._judge(*touched[path], self._clock) if path in touched else None
            if judged is not None:
                touched[judged[0].place.path] = judged

    def _arrive(self, leaf: Leaf, group: Group, event: Event) -> tuple[Parent, Group] | None:
        path, horizon = leaf.place.path, self._horizon
        if horizon is not None and event.time < horizon:
            self.reasons[path] = Reason.TOO_LATE
            return None
        arrival = Arrival(
            event, self._arrivals, self._clock, horizon, leaf.expects(event.name), leaf.opens(event.name)
        )
        key = group_key(group)
        step = leaf.machine.arrive(self._node(leaf).get(key), arrival)
        self._keep(path, key, step.state)
        self.reasons[path] = step.reason
        parents = [self._hand_up(leaf, group, spark, self._clock) for spark in step.sparks]
        return next((parent for parent in parents if parent is not None), None)

    @property
    def _horizon(self) -> int | None:
        """The oldest event time that still counts; None where no window bounds it."""
        span = self._program.tree.span
        return None if span is None or self._newest is None else self._newest - span - self._lateness

    def _routed(self, matches: Sequence[tuple[str, Group]]) -> Sequence[tuple[str, Group]]:
        """Leave each sequence one part of those that the event matches: the first of them without a firing, else
        the last.
        """
        for path, parent in self._program.tree.parents.items():
            if parent.composite.ordered and len(matches) > 1:
                matches = self._one_part(path, parent, matches)
        return matches

    def _one_part(
        self, path: str, parent: Parent, matches: Sequence[tuple[str, Group]]
    ) -> Sequence[tuple[str, Group]]:
        inside = {leaf: _part_of(path, leaf) for leaf, _ in matches if leaf.startswith(f"{path}.")}
        parts = list(dict.fromkeys(inside.values()))
        if len(parts) < 2:
            return matches
        group = next(group for leaf, group in matches if leaf in inside)[: len(parent.place.labels)]
        state = self._nodes.get(path, {}).get(group_key(group), {"parts": {}})
        chosen = next((part for part in parts if part not in state["parts"]), parts[-1])
        self.reasons |= {leaf: Reason.ANOTHER_PART for leaf, part in inside.items() if part != chosen}
        return [match for match in matches if inside.get(match[0], chosen) == chosen]

    # --- sparks --------------------------------------------------------------------------------------------

    def _hand_up(self, node: Leaf | Parent, group: Group, spark: Spark, now: int) -> tuple[Parent, Group] | None:
        """Hand a spark to the parent, which is returned to be judged; at the root, fire."""
        place = node.place
        if place.parent is None:
            self._spark(group, spark, now)
            return None
        parent = self._program.tree.parents[place.parent]
        if spark.kind == "resolve":
            return None
        outer = group[: len(parent.place.labels)]
        labelled = replace(spark, labels=group_labels(place.labels, group))
        key = group_key(outer)
        state = self._node(parent).get(key)
        self._keep(parent.place.path, key, parent.composite.taken(state, place.part, labelled, self._oldest))
        return parent, outer

    def _judge(self, parent: Parent, group: Group, now: int) -> tuple[Parent, Group] | None:
        key = group_key(group)
        state, spark, reason = parent.composite.judged(self._node(parent)[key])
        self._keep(parent.place.path, key, state)
        self.reasons[parent.place.path] = reason
        return None if spark is None else self._hand_up(parent, group, spark, now)

    def _node(self, node: Leaf | Parent) -> dict[str, JsonObject]:
        return self._nodes.setdefault(node.place.path, {})

    def _keep(self, path: str, key: str, state: JsonObject | None) -> None:
        if state is None:
            self._nodes[path].pop(key, None)
        else:
            self._nodes[path][key] = state

    # --- firings -------------------------------------------------------------------------------------------

    def _spark(self, group: Group, spark: Spark, now: int) -> None:
        key = group_key(group)
        if spark.kind == "resolve":
            self._resolve(key, spark)
        elif self._program.automation.debounce is not None:
            self._bursts[key] = gather(self._bursts.get(key), spark, now, self._program.automation.name)
            self.reasons[ROOT] = Reason.DEBOUNCED
        else:
            self._guard(key, spark, now)

    def _end_burst(self, key: str, moment: int) -> None:
        spark = Spark.from_state(self._bursts.pop(key)["spark"])
        self._guard(key, replace(spark, at=moment), max(self._before, moment))

    def _resolve(self, key: str, spark: Spark) -> None:
        """A resolve whose firings were all held back is held back too."""
        held = self._held.pop(key, False) and key not in self._bursts
        self.firings.append(_firing(self._program, key, spark, Reason.THROTTLED if held else Reason.FIRED))

    def _guard(self, key: str, spark: Spark, now: int) -> None:
        firing = _firing(self._program, key, spark, Reason.FIRED)
        rule = self._program.automation.throttle
        if rule is not None:
            throttled = group_key(self._program.throttle_group(_group(key), firing.event))
            reason, moments = throttle(rule, self._throttle.get(throttled, []), now)
            self._throttle[throttled] = moments
            firing = replace(firing, reason=reason)
            self._remember_held(key, firing)
        self.firings.append(firing)
        self.reasons[ROOT] = firing.reason

    def _remember_held(self, key: str, firing: Firing) -> None:
        if firing.kind == "trigger" or key in self._held:
            self._held[key] = firing.suppressed and (firing.kind == "trigger" or self._held[key])


def _fresh(program: Program, clock: int) -> JsonObject:
    """A new cell: what needs no event to begin begins now."""
    opened = {
        path: {"[]": state}
        for path, leaf in program.tree.leaves.items()
        if (state := leaf.machine.opened(clock)) is not None
    }
    return {
        "trigger": program.fingerprint,
        "clock": clock,
        "newest": None,
        "arrivals": 0,
        "nodes": opened,
        "throttle": {},
        "bursts": {},
        "held": {},
    }


def _idle(program: Program, state: JsonObject, oldest: int) -> bool:
    """True for a cell that nothing has reached since `oldest` and that waits for nothing: it is forgotten."""
    if state["clock"] >= oldest or state["bursts"]:
        return False
    leaves = program.tree.leaves
    return all(
        leaves[path].machine.deadline(group) is None
        for path, groups in state["nodes"].items()
        if path in leaves
        for group in groups.values()
    )


def _part_of(path: str, leaf: str) -> str:
    return leaf.removeprefix(f"{path}.triggers.").partition(".")[0]


@lru_cache(maxsize=4096)
def _in_order(labels: tuple[str, ...], key: str) -> tuple[Any, ...]:
    """What groups are put in order by: their labels, as people read them."""
    return tuple(sorted(group_labels(labels, _group(key)).items()))


def _group(key: str) -> Group:
    values: list[Any] = orjson.loads(key)
    return tuple(values)


def _firing(program: Program, key: str, spark: Spark, reason: Reason) -> Firing:
    automation = program.automation
    labels = group_labels(automation.for_each, _group(key))
    events = events_of(spark.entries)
    event = next(iter(events_of([spark.event])), None) if spark.event is not None else None
    return Firing(
        id=firing_id(automation.name, labels, spark.kind, spark.causes),
        automation=automation.name,
        kind=spark.kind,
        at=spark.at,
        labels=labels,
        event=event,
        events=events,
        count=spark.count,
        truncated=len(events) < len(spark.entries),
        reason=reason,
        parts={name: _part(part) for name, part in spark.parts.items()},
    )


def _part(spark: Spark) -> FiringPart:
    return FiringPart(
        at=spark.at,
        labels=spark.labels,
        event=next(iter(events_of([spark.event])), None) if spark.event is not None else None,
        events=events_of(spark.entries),
        parts={name: _part(part) for name, part in spark.parts.items()},
    )

"""The rule language evaluated slowly and plainly, from the text of the rules alone: the oracle of the engine.

It imports nothing of the engine, keeps everything that ever happened, and looks through all of it at every input.
"""

from typing import Any

from oracle.composites import node_of
from oracle.firing import Firing
from oracle.groups import Group, group_of, keys_of
from oracle.guards import Guards
from oracle.occurrence import Occurrence, occurrence, reference_of

__all__ = ["Firing", "Oracle"]


class Evaluated:
    """One automation, all its cells."""

    def __init__(self, automation: dict[str, Any], loaded: int, lateness: int) -> None:
        self.root = node_of(automation["trigger"], loaded)
        self.guards = Guards(automation, self.root.keys)
        throttle = automation.get("throttle") or {}
        shared = keys_of(throttle) if "for_each" in throttle else self.root.keys
        self.cell_keys = tuple(key for key in self.root.keys if key in shared)
        self.newest: dict[Group | None, int] = {}  # by cell, the newest event time
        self.lateness = lateness
        self.clock = loaded

    def process(self, clock: int, event: Occurrence | None, downtime: bool) -> list[Firing]:
        if downtime:
            self.root.after_downtime(clock)
        firings = self.deadlines(clock)
        if event is not None:
            firings += self.take(event)
            firings += self.deadlines(clock)  # those that the event created in the past
        return firings

    def deadlines(self, clock: int) -> list[Firing]:
        """Everything that is due, in order of time; a trigger's deadline goes before a burst's end."""
        firings: list[Firing] = []
        while (due := self.next_due(clock)) is not None:
            self.clock = max(self.clock, due)
            if due == self.root.next_deadline():
                for spark in self.root.judge(due):
                    firings += self.guards.take(spark, self.clock)
            else:
                firings += self.guards.judge(due)
        self.clock = clock
        return firings

    def next_due(self, clock: int) -> int | None:
        deadlines = (self.root.next_deadline(), self.guards.next_deadline())
        return min((d for d in deadlines if d is not None and d <= clock), default=None)

    def take(self, event: Occurrence) -> list[Firing]:
        if not self.root.matches(event):
            return []
        horizon = self.horizon(event)
        if horizon is not None and event.t < horizon:
            return []
        sparks = self.root.take(event, self.clock, horizon)
        return [firing for spark in sparks for firing in self.guards.take(spark, self.clock)]

    def horizon(self, event: Occurrence) -> int | None:
        """The oldest event time that still counts in the event's cell; None for a rule without a window."""
        cell = group_of(self.cell_keys, event)
        self.newest[cell] = max(self.newest.get(cell, event.t), event.t)
        return None if self.root.window is None else self.newest[cell] - self.root.window - self.lateness


class Oracle:
    """A rule set (plain data in the shape of rule files) and the firings it gives for a stream of inputs.

    Times are microseconds since 1970: `loaded` is when the rule set was loaded; `lateness` is a duration.
    """

    def __init__(self, automations: list[dict[str, Any]], loaded: int, lateness: int) -> None:
        enabled = [automation for automation in automations if automation.get("enabled", True)]
        self.automations = [Evaluated(automation, loaded, lateness) for automation in enabled]
        self.clock = loaded
        self.seen: set[str] = set()

    def feed(self, event: dict[str, Any]) -> list[Firing]:
        """An event's firings, in order of time, automation and group; a duplicate is a tick."""
        if reference_of(event) in self.seen:
            return self.tick(event["received"])
        self.seen.add(reference_of(event))
        return self.process(event["received"], occurrence(event, arrival=len(self.seen)), downtime=False)

    def tick(self, now: int, downtime: bool = False) -> list[Firing]:
        """The firings that time alone brings; `downtime` marks the first tick after downtime."""
        return self.process(now, None, downtime)

    def process(self, now: int, event: Occurrence | None, downtime: bool) -> list[Firing]:
        self.clock = max(self.clock, now)
        firings = [f for each in self.automations for f in each.process(self.clock, event, downtime)]
        return sorted(firings, key=lambda firing: (firing.at, firing.automation, firing.labels))

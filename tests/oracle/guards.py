"""Debounce, then throttle (rules 3 and 10): they hold back firings; the triggered state follows the trigger."""

from dataclasses import dataclass, field
from typing import Any

from oracle.durations import duration
from oracle.firing import Firing
from oracle.groups import Group, group_of, keys_of
from oracle.occurrence import Occurrence
from oracle.spark import Spark, in_order, newest


@dataclass(eq=False)
class Burst:
    """Firings that debounce collects; `first` and `last` are on the clock."""

    first: int
    last: int
    sparks: list[Spark] = field(default_factory=list)


class Guards:
    """Turns an automation's sparks into its firings."""

    def __init__(self, automation: dict[str, Any], root_keys: tuple[str, ...]) -> None:
        self.name = automation["name"]
        self.throttle: dict[str, Any] = automation.get("throttle") or {}
        self.debounce: dict[str, Any] = automation.get("debounce") or {}
        self.throttle_keys = keys_of(self.throttle) if "for_each" in self.throttle else root_keys
        self.passed: dict[Any, list[int]] = {}  # by throttle group: when its firings passed, on the clock
        self.bursts: dict[Group, Burst] = {}
        # By group, whether each firing of the triggered state was suppressed; None while debounce holds it.
        self.outcomes: dict[Group, dict[Spark, bool | None]] = {}

    def take(self, spark: Spark, clock: int) -> list[Firing]:
        outcomes = self.outcomes.setdefault(spark.group, {})
        if spark.state == "resolved":
            self.outcomes[spark.group] = {}
            return [self.firing(spark, suppressed=bool(outcomes) and all(s is True for s in outcomes.values()))]
        outcomes[spark] = None
        if not self.debounce:
            return [self.throttled(spark, [spark], clock)]
        burst = self.bursts.setdefault(spark.group, Burst(clock, clock))
        burst.last = clock
        burst.sparks.append(spark)
        return []

    # Debounce

    def deadline(self, burst: Burst) -> int:
        quiet = burst.last + duration(self.debounce["quiet"])
        at_most = self.debounce.get("at_most")
        return quiet if at_most is None else min(quiet, burst.first + duration(at_most))

    def next_deadline(self) -> int | None:
        return min((self.deadline(burst) for burst in self.bursts.values()), default=None)

    def judge(self, instant: int) -> list[Firing]:
        ended = [group for group, burst in sorted(self.bursts.items()) if self.deadline(burst) == instant]
        return [self.ended(group, instant) for group in ended]

    def ended(self, group: Group, instant: int) -> Firing:
        sparks = self.bursts.pop(group).sparks
        events = list(dict.fromkeys(event for spark in sparks for event in spark.events))
        contexts = [spark.event for spark in sparks if spark.event is not None]
        collected = Spark(instant, group, newest(contexts), in_order(events))
        return self.throttled(collected, sparks, instant)

    # Throttle

    def throttled(self, spark: Spark, counted: list[Spark], clock: int) -> Firing:
        suppressed = bool(self.throttle) and not self.admits(self.throttle_group(spark), clock)
        outcomes = self.outcomes.get(spark.group, {})
        for each in counted:
            if each in outcomes:
                outcomes[each] = suppressed
        return self.firing(spark, suppressed)

    def admits(self, group: Any, clock: int) -> bool:
        """At most `limit` firings in any span (t - per, t]; those suppressed do not count."""
        passed = self.passed.setdefault(group, [])
        recent = [moment for moment in passed if moment > clock - duration(self.throttle["per"])]
        if len(recent) >= self.throttle["limit"]:
            return False
        passed.append(clock)
        return True

    def throttle_group(self, spark: Spark) -> tuple[Any, ...]:
        """By key, the group's own value, else that of the firing's event; all that lack it are one group."""
        own = {entry[0]: entry for entry in spark.group}
        return tuple(own.get(key) or value_in(spark.event, key) for key in self.throttle_keys)

    def firing(self, spark: Spark, suppressed: bool) -> Firing:
        return Firing(
            automation=self.name,
            state=spark.state,
            at=spark.at,
            labels=tuple(sorted((key, text) for key, _, text in spark.group)),
            event=spark.event.reference if spark.event else None,
            events=tuple(event.reference for event in spark.events),
            count=len(spark.events),
            suppressed=suppressed,
        )


def value_in(event: Occurrence | None, key: str) -> Any:
    found = group_of((key,), event) if event else None
    return found[0] if found else None

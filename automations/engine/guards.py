"""Guards hold firings back: debounce gathers a burst, then the throttle lets some through (rules.md section 3)."""

from __future__ import annotations

from typing import Final

from automations.engine.entries import Entry, bounded, inserted, order_of
from automations.engine.identity import firing_id
from automations.engine.machine import Spark
from automations.model.automation import Debounce, Throttle
from automations.model.document import JsonObject
from automations.model.reason import Reason


def throttle(rule: Throttle, fired: list[int], now: int) -> tuple[Reason, list[int]]:
    """Decide on a firing at `now`, on the cell's clock, given the moments of those let through before.

    Returns the reason and the moments to keep. The span is (now - per, now]; a suppressed firing does not count.
    """
    recent = [moment for moment in fired if moment > now - rule.per]
    if len(recent) >= rule.limit:
        return Reason.THROTTLED, recent
    return Reason.FIRED, [*recent, now]


def gather(burst: JsonObject | None, spark: Spark, now: int, automation: str) -> JsonObject:
    """Add a firing at `now` to the group's burst: {"first": moment, "last": moment, "spark": all of it as one}.

    An event that several firings counted is collected once. The causes of the whole are a chain of ids, so they
    stay short and no two bursts have the same.
    """
    before = _NOTHING if burst is None else Spark.from_state(burst["spark"])
    entries, repeated = _merged(before.entries, spark.entries)
    newest = [entry for entry in (spark.event, before.event) if entry is not None]
    merged = Spark(
        at=spark.at,
        kind="trigger" if "trigger" in (before.kind, spark.kind) else "fire",
        causes=[["burst", firing_id(automation, {}, "burst", [*before.causes, *spark.causes])]],
        entries=bounded(entries),
        count=before.count + spark.count - repeated,
        event=max(newest, key=order_of, default=None),
        labels=spark.labels,
        parts=spark.parts,
    )
    return {"first": now if burst is None else burst["first"], "last": now, "spark": merged.to_state()}


_NOTHING: Final = Spark(0, "fire", [])


def _merged(entries: list[Entry], more: list[Entry]) -> tuple[list[Entry], int]:
    """Return all entries once, and how many of those that came were there."""
    known = {(entry[1], entry[2]) for entry in entries}
    repeated = 0
    for entry in more:
        if (entry[1], entry[2]) in known:
            repeated += 1
        else:
            known.add((entry[1], entry[2]))
            entries = inserted(entries, entry)
    return entries, repeated


def burst_end(rule: Debounce, burst: JsonObject) -> int:
    """The moment at which a burst fires: once it was quiet for long enough, or has gone on for too long."""
    quiet: int = burst["last"] + rule.quiet
    return quiet if rule.at_most is None else min(quiet, burst["first"] + rule.at_most)

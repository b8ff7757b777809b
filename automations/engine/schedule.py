"""Schedule triggers: they fire by the clock (rules.md 4.4).

Ticks of cron lines, and of intervals of whole days, are worked out on the zone's wall clock, then placed in time:
one that falls into a gap (clocks go forward) is due at the shift, one that comes twice (clocks go back) is due the
first time. Two that come to lie on one moment are one tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from automations.engine.machine import Arrival, Spark, Step
from automations.model.document import JsonObject
from automations.model.moment import DAY
from automations.model.reason import Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def next_tick(cron: str, zone: ZoneInfo, moment: int) -> int | None:
    """Return the first tick after `moment` (microseconds); None when there is none in the next decades."""
    for wall in CronSim(cron, _wall_clock(moment, zone)):
        tick = _placed(wall, zone)
        if tick > moment:
            return tick
    return None


def next_beat(interval: int, anchor: int, zone: ZoneInfo, moment: int) -> int:
    """Return the first moment after `moment` that lies whole intervals from the anchor. Whole days are days of the
    zone, so that the hour stays when the clocks change (as in Prefect); all else is time that passes.
    """
    if interval % DAY:
        return anchor + ((moment - anchor) // interval + 1) * interval
    wall, step = _wall_clock(anchor, zone), timedelta(microseconds=interval)
    wall += ((_wall_clock(moment, zone) - wall) // step - 1) * step
    while (tick := _placed(wall, zone)) <= moment:
        wall += step
    return tick


def _wall_clock(moment: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(zone).replace(tzinfo=None)


def _placed(wall: datetime, zone: ZoneInfo) -> int:
    first = wall.replace(tzinfo=zone, fold=0)
    moment = first.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall:
        moment = _shift(wall, zone)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _shift(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks jump over `wall`: between the two moments that the offsets before and after
    give, found by halving.
    """
    low, high = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class Timer:
    """State: {"next": the tick that is waited for}. `following`: the first tick after a moment, None for none.
    `catch_up`: how old (microseconds) a missed tick may be.
    """

    following: Callable[[int], int | None]
    catch_up: int

    def opened(self, clock: int) -> JsonObject | None:
        """Wait for the first tick after the automation was loaded."""
        return self._waiting(clock)

    def _waiting(self, moment: int) -> JsonObject | None:
        tick = self.following(moment)
        return None if tick is None else {"next": tick}

    def arrive(self, state: JsonObject | None, arrival: Arrival) -> Step:
        """No event concerns a schedule."""
        return Step(state)

    def deadline(self, state: JsonObject) -> int:
        """Return the tick that is waited for."""
        tick: int = state["next"]
        return tick

    def pass_deadline(self, state: JsonObject) -> Step:
        """Fire."""
        tick = state["next"]
        return Step(self._waiting(tick), (Spark(tick, "fire", [["tick", str(tick)]]),), Reason.FIRED)

    def after_downtime(self, state: JsonObject, clock: int) -> JsonObject | None:
        """Wait for the latest missed tick, if it is young enough, else for the next."""
        latest, tick = None, self.following(max(state["next"], clock - self.catch_up) - 1)
        while tick is not None and tick <= clock:
            latest, tick = tick, self.following(tick)
        return self._waiting(clock) if latest is None else {"next": latest}

"""Cron lines where the clocks are set: Berlin goes forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

import pytest

from automations.engine.machine import Spark
from automations.engine.schedule import Timer, next_beat, next_tick
from automations.model.moment import DAY, SECOND, format_moment, parse_moment

BERLIN = ZoneInfo("Europe/Berlin")


def ticks(cron: str, begin: str, end: str, zone: ZoneInfo = BERLIN) -> list[str]:
    found, moment = list[str](), parse_moment(begin)
    while (tick := next_tick(cron, zone, moment)) is not None and tick <= parse_moment(end):
        found.append(format_moment(tick))
        moment = tick
    return found


@pytest.mark.parametrize(
    ("cron", "begin", "end", "expected"),
    [
        # 02:30 does not exist on the day on which the clocks go forward: it is due at the shift, 01:00Z.
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
         ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        # Ticks that come to lie on one moment are one tick: 02:00 to 02:45 at the shift, together with 03:00.
        ("*/15 2,3 29 3 *", "2026-03-29T00:00:00Z", "2026-03-29T01:20:00Z",
         ["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"]),
        # 02:30 comes twice on the day on which they go back: the first passing, 00:30Z, fires.
        ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
         ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ("0 * 25 10 *", "2026-10-24T23:30:00Z", "2026-10-25T03:30:00Z",
         ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]),
        ("0 12 * * MON-FRI", "2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z", ["2026-11-23T11:00:00Z"]),
    ],
)  # fmt: skip
def test_ticks_lie_where_the_wall_clock_shows_them(cron: str, begin: str, end: str, expected: list[str]) -> None:
    assert ticks(cron, begin, end) == expected


def test_a_tick_at_the_very_moment_of_loading_is_the_next_one() -> None:
    assert ticks("0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ZoneInfo("UTC")) == [
        "2026-01-02T00:00:00Z"
    ]


def test_after_downtime_the_latest_missed_tick_fires_if_it_is_young_enough() -> None:
    timer = Timer(partial(next_tick, "*/10 * * * *", ZoneInfo("UTC")), 300 * SECOND)
    start = parse_moment("2026-01-01T00:05:00Z")
    state = timer.opened(start)
    assert state is not None
    young = timer.after_downtime(state, parse_moment("2026-01-01T03:04:00Z"))
    assert young is not None
    step = timer.pass_deadline(young)
    assert step.sparks == (Spark(parse_moment("2026-01-01T03:00:00Z"), "fire", [["tick", str(young["next"])]]),)
    old = timer.after_downtime(state, parse_moment("2026-01-01T03:06:00Z"))
    assert old == {"next": parse_moment("2026-01-01T03:10:00Z")}


def test_years_of_downtime_are_looked_through_at_once() -> None:
    timer = Timer(partial(next_tick, "* * * * *", ZoneInfo("UTC")), 300 * SECOND)
    state = timer.opened(0)
    assert state is not None
    assert timer.after_downtime(state, 20_000 * DAY) == {"next": 20_000 * DAY}


@pytest.mark.parametrize(
    ("interval", "anchor", "after", "expected"),
    [
        (600 * SECOND, "1970-01-01T00:00:00Z", "2026-01-01T00:05:00Z",
         ["2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z"]),
        # The moment itself is past, the anchor may lie ahead.
        (600 * SECOND, "2030-01-01T00:03:00Z", "2026-01-01T00:03:00Z", ["2026-01-01T00:13:00Z"]),
        # Hours are time that passes: they do not care that the clocks go forward.
        (12 * 3600 * SECOND, "2026-03-28T08:00:00Z", "2026-03-28T20:00:00Z", ["2026-03-29T08:00:00Z"]),
        # Days are the zone's: nine in the morning stays nine in the morning.
        (DAY, "2026-03-01T08:00:00Z", "2026-03-28T07:59:00Z",
         ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"]),
        (7 * DAY, "2026-10-20T07:00:00Z", "2026-10-20T07:00:00Z", ["2026-10-27T08:00:00Z"]),
        # The anchor's wall clock does not exist on the day on which the clocks go forward.
        (DAY, "2026-03-27T01:30:00Z", "2026-03-28T01:30:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
    ],
)  # fmt: skip
def test_an_interval_is_counted_from_its_anchor(
    interval: int, anchor: str, after: str, expected: list[str]
) -> None:
    found, moment = list[str](), parse_moment(after)
    for _ in expected:
        moment = next_beat(interval, parse_moment(anchor), BERLIN, moment)
        found.append(format_moment(moment))
    assert found == expected

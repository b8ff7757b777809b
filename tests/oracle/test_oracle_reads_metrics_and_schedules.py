"""The oracle against the sentences of the rule language that can be checked: metric and schedule."""

from datetime import UTC, datetime
from typing import Any

import pytest
from oracle.metric import aggregated
from oracle.stream import event, run, shown, tick


def metric(aggregate: str, operator: str, threshold: float, **more: Any) -> dict[str, Any]:
    told = {
        "value": "payload.n",
        "aggregate": aggregate,
        "operator": operator,
        "threshold": threshold,
        "range": 10,
    }
    told |= {key: more.pop(key) for key in ("firing_for", "value", "range") if key in more}
    return {"trigger": {"type": "metric", "expect": "m", "metric": told, **more}}


def sample(at: float, n: Any, **more: Any) -> dict[str, Any]:
    return event(at, "m", payload={"n": n}, **more)


class TestMetric:
    @pytest.mark.parametrize(
        ("aggregate", "values", "expected"),
        [
            ("count", [], 0),
            ("sum", [], 0),
            ("avg", [], None),
            ("p99", [], None),
            ("sum", [1, 2, 3], 6),
            ("avg", [1, 2], 1.5),
            ("min", [3, 1, 2], 1),
            ("max", [3, 1, 2], 3),
            ("p50", [15, 20, 35, 40, 50], 35),  # nearest rank
            ("p50", [1, 2, 3, 4], 2),
            ("p95", list(range(1, 101)), 95),
            ("p99", [1, 2, 3], 3),
        ],
    )
    def test_aggregates(self, aggregate: str, values: list[float], expected: float | None) -> None:
        assert aggregated(aggregate, values) == expected

    def test_it_triggers_when_it_holds_and_time_alone_resolves_it(self) -> None:
        firings = run(metric("sum", ">", 5), sample(0, 4), sample(3, 4), tick(100))
        assert shown(firings) == [(3, "m@3"), (10, "resolved m@3")]

    def test_samples_are_those_in_now_less_range_exclusive_to_now(self) -> None:
        assert run(metric("sum", ">", 5), sample(0, 4), sample(10, 4)) == []

    def test_time_alone_triggers_when_events_leave_the_range(self) -> None:
        firings = run(metric("count", "<", 2), sample(0, 1), sample(3, 1), tick(11))
        assert shown(firings) == [(0, "m@0"), (3, "resolved m@3"), (10, "m@3")]

    def test_any_other_aggregate_of_nothing_never_holds(self) -> None:
        firings = run(metric("avg", "<", 5), sample(0, 1), tick(100))
        assert shown(firings) == [(0, "m@0"), (10, "resolved -")]

    def test_a_group_is_judged_once_it_is_known(self) -> None:
        assert run(metric("count", "<", 1), tick(100)) == []
        assert shown(run(metric("count", "<", 1), sample(0, 1), tick(100))) == [(10, "-")]

    def test_it_must_hold_for_firing_for_and_resolving_does_not_wait(self) -> None:
        held = [sample(0, 9), sample(5, 9), tick(8), sample(9, 9), tick(19), tick(20)]
        assert shown(run(metric("max", ">", 5, firing_for=8), *held)) == [(8, "m@5"), (19, "resolved -")]

    def test_what_stops_to_hold_begins_anew(self) -> None:
        inputs = [sample(0, 9), sample(5, -9), sample(6, 9), tick(9.999), tick(30)]
        assert shown(run(metric("sum", ">", 5, firing_for=8), *inputs)) == []
        assert shown(run(metric("sum", ">", 5, firing_for=4, range=60), sample(0, 9), tick(90))) == [
            (4, "m@0"),
            (60, "resolved -"),
        ]

    def test_an_event_without_a_number_there_takes_no_part(self) -> None:
        values: list[Any] = ["9", None, True, [9], {}]
        inputs = [sample(at, n) for at, n in enumerate(values)]
        assert run(metric("count", ">", 0), *inputs, event(9, "m")) == []

    def test_a_sample_dated_ahead_counts_from_its_time_on(self) -> None:
        inputs = [sample(20, 9, received=5), tick(19.9), tick(20)]
        assert shown(run(metric("max", ">", 5), *inputs)) == [(20, "m@20")]

    def test_its_now_is_the_clock(self) -> None:
        assert shown(run(metric("max", ">", 5), sample(3, 9, received=7))) == [(7, "m@3")]
        assert run(metric("max", ">", 5), sample(3, 9, received=13)) == []

    def test_groups_are_judged_apart(self) -> None:
        inputs = [sample(at, 4, resource={"x": x}) for at, x in ((0, "a"), (1, "b"), (2, "a"))]
        firings = run(metric("sum", ">", 5, for_each=["x"]), *inputs)
        assert [firing.labels for firing in firings] == [(("x", "a"),)]

    def test_events_are_the_samples_in_range(self) -> None:
        (firing,) = run(metric("count", ">=", 2, value="count"), sample(0, 1), sample(11, 1), sample(12, 1))
        assert (firing.events, firing.count) == (("test/m@11", "test/m@12"), 2)


def ticks(cron: str, loaded: str, until: str, zone: str = "UTC", downtime: bool = False) -> list[str]:
    """The UTC times at which a schedule fires."""
    moments = [int(datetime.fromisoformat(moment + "Z").timestamp()) * 1_000_000 for moment in (loaded, until)]
    automation = {"trigger": {"type": "schedule", "schedule": {"cron": cron, "timezone": zone}}}
    firings = run(automation, (moments[1], downtime), loaded=moments[0])
    assert all(firing.event is None and firing.labels == () for firing in firings)
    return [datetime.fromtimestamp(f.at // 1_000_000, UTC).strftime("%dT%H:%M") for f in firings]


class TestSchedule:
    @pytest.mark.parametrize(
        ("cron", "expected"),
        [
            ("*/20 * * * *", ["01T00:20", "01T00:40", "01T01:00"]),
            ("5,7 0 * * *", ["01T00:05", "01T00:07"]),
            ("10-12 1 * * *", []),
            ("30 0 1 * thu", ["01T00:30"]),  # 2026-01-01 is a Thursday
            ("30 0 2 * 4", ["01T00:30"]),  # either the day of the month or the weekday
            ("30 0 * * 5", []),
            ("30 0 * jan *", ["01T00:30"]),
        ],
    )
    def test_five_fields_in_utc(self, cron: str, expected: list[str]) -> None:
        assert ticks(cron, "2026-01-01T00:00:00", "2026-01-01T01:00:00") == expected

    def test_a_timezone_shifts_it(self) -> None:
        assert ticks("0 9 * * *", "2026-01-01T00:00:00", "2026-01-01T12:00:00", "Europe/Berlin") == ["01T08:00"]

    def test_in_a_dst_gap_it_fires_at_the_shift(self) -> None:
        assert ticks("30 2 * * *", "2026-03-28T12:00:00", "2026-03-29T12:00:00", "Europe/Berlin") == ["29T01:00"]

    def test_in_a_fold_the_first_passing_fires(self) -> None:
        assert ticks("30 2 * * *", "2026-10-24T12:00:00", "2026-10-25T12:00:00", "Europe/Berlin") == ["25T00:30"]

    @pytest.mark.parametrize(("until", "expected"), [("09:04:59", ["01T09:00"]), ("09:05:00", [])])
    def test_of_the_ticks_missed_while_down_the_latest_fires_if_younger_than_catch_up(
        self, until: str, expected: list[str]
    ) -> None:
        assert ticks("0 * * * *", "2026-01-01T05:30:00", f"2026-01-01T{until}", downtime=True) == expected

    def test_a_tick_fires_once(self) -> None:
        automation = {"trigger": {"type": "schedule", "schedule": {"cron": "* * * * *"}}}
        assert shown(run(automation, tick(60), tick(60), tick(61), tick(119), tick(120))) == [
            (60, "-"),
            (120, "-"),
        ]

"""The oracle against the sentences of the rule language that can be checked: compound and sequence."""

from typing import Any

import pytest
from oracle.evaluator import Firing
from oracle.stream import event, run, shown, tick


def parts(*names: str) -> list[dict[str, Any]]:
    return [{"expect": name} for name in names]


def compound(require: Any, *names: str, **more: Any) -> dict[str, Any]:
    return {"trigger": {"type": "compound", "require": require, "triggers": parts(*names), **more}}


def sequence(*names: str, **more: Any) -> dict[str, Any]:
    return {"trigger": {"type": "sequence", "triggers": parts(*names), **more}}


def played(automation: dict[str, Any], names: str) -> list[tuple[float, str]]:
    """Events named by single characters, a second apart."""
    return shown(run(automation, *(event(at, name) for at, name in enumerate(names))))


def events_of(firing: Firing) -> list[str]:
    return [reference.removeprefix("test/") for reference in firing.events]


class TestSequence:
    @pytest.mark.parametrize(
        ("names", "fires"), [("123", True), ("1223", True), ("132", False), ("1213", False), ("1323", True)]
    )
    def test_the_latest_firings_must_stand_in_the_listed_order(self, names: str, fires: bool) -> None:
        assert bool(played(sequence("1", "2", "3"), names)) is fires

    def test_when_it_fires_all_are_spent(self) -> None:
        assert played(sequence("1", "2"), "12212") == [(1, "2@1"), (4, "2@4")]

    def test_equal_times_stand_in_order_of_arrival(self) -> None:
        assert run(sequence("1", "2"), event(5, "2"), event(5, "1")) == []
        assert shown(run(sequence("1", "2"), event(5, "1"), event(5, "2"))) == [(5, "2@5")]

    def test_it_is_measured_in_event_time(self) -> None:
        automation = sequence("1", "2")
        assert shown(run(automation, event(5, "2"), event(4, "1", received=6))) == [(5, "2@5")]

    def test_an_event_goes_to_the_first_matching_part_without_a_firing_and_never_to_two(self) -> None:
        assert played(sequence("x", "x", "x"), "xxxx") == [(2, "x@2")]
        assert played(sequence("x", "x"), "xxxx") == [(1, "x@1"), (3, "x@3")]

    def test_else_it_goes_to_the_last(self) -> None:
        automation = {"trigger": {"triggers": [{"expect": "x"}, {"expect": ["x", "y"]}, {"expect": "z"}]}}
        (firing,) = run(automation, event(0, "x"), event(1, "x"), event(2, "x"), event(3, "z"))
        assert events_of(firing) == ["x@0", "x@2", "z@3"]

    def test_triggers_without_type_is_a_sequence_and_with_require_a_compound(self) -> None:
        assert played({"trigger": {"triggers": parts("1", "2")}}, "21") == []
        assert played({"trigger": {"triggers": parts("1", "2"), "require": "all"}}, "21") == [(1, "1@1")]

    @pytest.mark.parametrize(("last", "fires"), [(10, True), (10.5, False)])
    def test_within_is_inclusive(self, last: float, fires: bool) -> None:
        assert bool(run(sequence("1", "2", within=10), event(0, "1"), event(last, "2"))) is fires


class TestCompound:
    def test_all_fires_in_any_order(self) -> None:
        assert played(compound("all", "1", "2"), "21") == [(1, "1@1")]

    def test_any_fires_at_each_part(self) -> None:
        assert played(compound("any", "1", "2"), "21") == [(0, "2@0"), (1, "1@1")]

    def test_n_of_the_parts_suffice_and_all_are_spent(self) -> None:
        assert played(compound(2, "1", "2", "3"), "1232") == [(1, "2@1"), (3, "2@3")]

    def test_the_latest_firing_of_each_part_counts(self) -> None:
        (firing,) = run(compound("all", "1", "2", within=10), event(0, "1"), event(15, "1"), event(20, "2"))
        assert events_of(firing) == ["1@15", "2@20"]

    def test_one_event_may_fill_several_parts(self) -> None:
        (firing,) = run(compound("all", "x", "*"), event(0, "x"))
        assert events_of(firing) == ["x@0", "x@0"]

    def test_its_event_and_time_are_those_of_the_newest_part(self) -> None:
        (firing,) = run(compound("all", "1", "2"), event(9, "1"), event(5, "2", received=10))
        assert (shown([firing]), events_of(firing)) == ([(9, "1@9")], ["2@5", "1@9"])

    def test_events_holds_all_parts_in_reach(self) -> None:
        automation = compound(2, "1", "2", "3", within=10)
        (firing,) = run(automation, event(0, "1"), event(15, "2"), event(20, "3"))
        assert events_of(firing) == ["2@15", "3@20"]

    def test_in_reach_is_the_newest_set_that_suffices(self) -> None:
        automation = compound(2, "1", "2", "3", within=10)
        (firing,) = run(automation, event(50, "3"), event(5, "1", received=51), event(9, "2", received=52))
        assert (shown([firing]), events_of(firing)) == ([(9, "2@9")], ["1@5", "2@9"])

    def test_parts_must_agree_on_the_parents_labels(self) -> None:
        automation = compound("all", "1", "2", for_each=["x"])
        inputs = [event(at, n, resource={"x": x}) for at, n, x in ((0, "1", "a"), (1, "2", "b"), (2, "2", "a"))]
        (firing,) = run(automation, *inputs)
        assert (firing.labels, events_of(firing)) == ((("x", "a"),), ["1@0", "2@2"])

    def test_labels_on_parts_alone_pool(self) -> None:
        automation = compound("all", "1", "2")
        automation["trigger"]["triggers"][0].update(for_each=["x"], threshold=2, within=10)
        inputs = [event(at, "1", resource={"x": x}) for at, x in ((0, "a"), (1, "b"), (2, "b"))]
        (firing,) = run(automation, *inputs, event(3, "2", resource={"x": "a"}))
        assert (firing.labels, events_of(firing)) == ((), ["1@2", "2@3"])

    def test_composites_nest_freely(self) -> None:
        inner = sequence("1", "2")["trigger"]
        automation = {"trigger": {"require": "all", "triggers": [inner, {"expect": "3", "name": "three"}]}}
        assert played(automation, "213") == []
        assert played(automation, "3122") == [(2, "2@2")]

    def test_a_late_event_is_measured_by_the_greatest_within_of_the_tree(self) -> None:
        automation = compound("any", "1", "2", within=10)
        automation["trigger"]["triggers"][0]["within"] = 30
        inputs = [event(100, "2"), event(10, "1", received=101), event(9, "1", received=102)]
        assert shown(run(automation, *inputs)) == [(100, "2@100"), (10, "1@10")]

    def test_without_any_window_no_event_is_too_late(self) -> None:
        inputs = [event(5000, "1"), event(1, "2", received=5001)]
        assert shown(run(compound("all", "1", "2"), *inputs)) == [(5000, "1@5000")]


class TestPartsThatWait:
    def test_a_proactive_part_fires_at_its_deadline_and_its_resolve_is_ignored(self) -> None:
        missing = {"posture": "Proactive", "after": "open", "expect": "paid", "within": 20}
        automation = {"trigger": {"require": "all", "triggers": [{"expect": "open"}, missing]}}
        firings = run(automation, event(5, "open"), tick(25), event(26, "paid"))
        assert [(events_of(f), f.state) for f in firings] == [(["open@5", "open@5"], "fired")]
        assert [at for at, _ in shown(firings)] == [25]

    def test_a_metric_part_fires_when_it_triggers(self) -> None:
        busy = {
            "type": "metric",
            "expect": "m",
            "metric": {"value": "count", "aggregate": "count", "operator": ">", "threshold": 1, "range": 10},
        }
        automation = {"trigger": {"triggers": [busy, {"expect": "x"}], "within": 60}}
        assert run(automation, event(0, "m"), event(1, "x")) == []
        assert shown(run(automation, event(0, "m"), event(1, "m"), event(40, "x"))) == [(40, "x@40")]

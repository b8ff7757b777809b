"""The oracle against the sentences of the rule language that can be checked: event triggers."""

from typing import Any

import pytest
from oracle.stream import event, run, shown, tick

START_PLUS_7 = event(7)["received"]
THREE_IN_TEN = {"trigger": {"threshold": 3, "within": 10}}
ONE_IN_TEN = {"trigger": {"threshold": 1, "within": 10}}
AFTER = {"trigger": {"after": "open", "expect": "e", "within": 10}}


def events_of(firing: Any) -> list[str]:
    return [reference.removeprefix("test/") for reference in firing.events]


class TestEvents:
    def test_a_future_dated_event_counts_sixty_seconds_after_its_receipt(self) -> None:
        assert shown(run({"trigger": {}}, event(1000, received=5))) == [(65, "e@1000")]

    def test_two_events_with_the_same_source_and_id_are_one_and_the_second_is_a_tick(self) -> None:
        automation = {"trigger": {"expect": "never", "posture": "Proactive", "within": 10}}
        assert shown(run({"trigger": {}}, event(1, known="x"), event(2, known="x"))) == [(1, "x")]
        assert shown(run(automation, event(1, known="x"), event(10, known="x"))) == [(10, "-")]

    def test_a_disabled_automation_does_nothing(self) -> None:
        assert run({"enabled": False, "trigger": {}}, event(1)) == []


class TestFilters:
    @pytest.mark.parametrize(
        ("expect", "name", "fires"),
        [
            ([], "anything", True),
            ("order.*", "order.failed", True),
            ("order*", "order", True),  # `*` may stand for nothing
            ("a?c", "abc", False),  # every other character is literal
            ("!order.*", "order.failed", False),
            ("!order.*", "payment", True),
            (["order.*", "!*.ok"], "order.ok", False),
            (["order.*", "!*.ok"], "order.failed", True),
            (["order.*", "!*.ok"], "payment", False),
        ],
    )
    def test_names(self, expect: Any, name: str, fires: bool) -> None:
        assert bool(run({"trigger": {"expect": expect}}, event(1, name))) is fires

    @pytest.mark.parametrize(
        ("match", "labels", "fires"),
        [
            ({"id": "s3://b/f[1].csv"}, {"id": "s3://b/f[1].csv"}, True),
            ({"prefect.resource.id": "s3://*"}, {"id": "s3://b"}, True),
            ({"x": "a", "y": "b"}, {"x": "a", "y": "c"}, False),  # labels AND
            ({"x": ["a", "b"]}, {"x": "b"}, True),  # values OR
            ({"x": "!a"}, {"x": "b"}, True),
            ({"x": ["!a", "!b"]}, {"x": "b"}, False),  # every exclusion must hold
            ({"x": "!a"}, {}, False),  # a label that the event lacks matches nothing
            ({"x": "*"}, {}, False),
            ({"x": None}, {}, True),
            ({"x": None}, {"x": "a"}, False),
            ({"x": [None, "a"]}, {}, True),  # absent or a
            ({"x": [None, "a"]}, {"x": "a"}, True),
            ({"x": [None, "a"]}, {"x": "b"}, False),
        ],
    )
    def test_labels(self, match: Any, labels: dict[str, str], fires: bool) -> None:
        assert bool(run({"trigger": {"match": match}}, event(1, resource=labels))) is fires

    @pytest.mark.parametrize(
        ("match_related", "fires"),
        [
            ({"role": "tag", "id": "x"}, True),
            ([{"role": "tag", "id": "x"}, {"role": "flow"}], True),
            ([{"role": "tag", "id": "x"}, {"role": "run"}], False),
            ({"role": "flow", "id": "x"}, False),  # one resource must satisfy the whole spec
            ({"role": "tag", "id": "!x"}, True),  # some tag that is not x
            ({"role": "flow", "id": "!f"}, False),
            ({"id": "!x"}, False),  # only exclusions: no related resource may match them
            ({"id": "!z"}, True),
            ({"role": "!run", "id": "!x"}, False),  # any label's exclusion forbids
        ],
    )
    def test_related_resources(self, match_related: Any, fires: bool) -> None:
        related = [{"role": "tag", "id": "x"}, {"role": "tag", "id": "y"}, {"role": "flow", "id": "f"}]
        assert bool(run({"trigger": {"match_related": match_related}}, event(1, related=related))) is fires

    @pytest.mark.parametrize(
        ("pattern", "payload", "fires"),
        [
            ({"a": [1, "x"]}, {"a": "x"}, True),
            ({"a": [1]}, {"a": "1"}, False),
            ({"a": [1]}, {"a": 1.0}, True),
            ({"a": [True]}, {"a": 1}, False),
            ({"a": [None]}, {"a": None}, True),
            ({"a": [None]}, {}, False),
            ({"a": ["x"], "b": ["y"]}, {"a": "x"}, False),
            ({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True),
            ({"a": [{"prefix": "ab"}]}, {"a": "abc"}, True),
            ({"a": [{"suffix": "bc"}]}, {"a": "abc"}, True),
            ({"a": [{"equals-ignore-case": "ABC"}]}, {"a": "abc"}, True),
            ({"a": [{"wildcard": "a*c"}]}, {"a": "abbc"}, True),
            ({"a": [{"anything-but": ["x", 1]}]}, {"a": "y"}, True),
            ({"a": [{"anything-but": ["x", 1]}]}, {"a": 1}, False),
            ({"a": [{"anything-but": "x"}]}, {}, False),
            ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}, False),
            ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "yx"}, True),
            ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
            ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 0}, False),
            ({"a": [{"numeric": ["=", 5]}]}, {"a": "5"}, False),
            ({"a": [{"exists": True}]}, {"a": False}, True),
            ({"a": [{"exists": False}]}, {}, True),
            ({"a": [{"exists": False}]}, {"a": None}, False),
            ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}, True),
            ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
            ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y"}, False),
            ({"a": ["x"]}, {"a": ["z", "x"]}, True),
            ({"a": {"b": ["x"], "c": ["y"]}}, {"a": [{"b": "x", "c": "z"}, {"b": "z", "c": "y"}]}, False),
            ({"a": {"b": ["x"], "c": ["y"]}}, {"a": [{"b": "z"}, {"b": "x", "c": "y"}]}, True),
        ],
    )
    def test_payload_patterns(self, pattern: Any, payload: Any, fires: bool) -> None:
        assert bool(run({"trigger": {"match_payload": pattern}}, event(1, payload=payload))) is fires

    @pytest.mark.parametrize(
        ("payload", "fires"),
        [({"n": 4}, True), ({"n": 3}, False), ({}, False), ({"n": "4"}, False), ({"n": None}, False)],
    )
    def test_where_undefined_names_and_wrong_types_are_no_match(self, payload: Any, fires: bool) -> None:
        for where in ("event.payload.n > 3", "{{ event.payload.n > 3 }}"):
            assert bool(run({"trigger": {"where": where}}, event(1, payload=payload))) is fires


class TestGroups:
    def grouped(self, key: str, *inputs: Any) -> list[dict[str, str]]:
        return [dict(firing.labels) for firing in run({"trigger": {"for_each": [key]}}, *inputs)]

    def test_a_group_label_that_the_event_lacks_takes_it_out(self) -> None:
        assert self.grouped("x", event(1), event(2, resource={"x": "1"})) == [{"x": "1"}]

    def test_short_labels_work_everywhere(self) -> None:
        assert self.grouped("id", event(1, resource={"prefect.resource.id": "q", "id": "q"})) == [{"id": "q"}]

    def test_a_related_key_is_read_from_the_first_resource_in_that_role(self) -> None:
        first, second = {"role": "flow", "id": "f"}, {"role": "flow", "id": "g", "x": "1"}
        assert self.grouped("related:flow:id", event(1, related=[first, second])) == [{"related:flow:id": "f"}]
        assert self.grouped("related:flow:x", event(1, related=[first, second])) == []

    def test_null_an_object_and_a_list_take_no_part(self) -> None:
        values: list[Any] = [None, {}, []]
        assert self.grouped("payload.n", *(event(i, payload={"n": n}) for i, n in enumerate(values))) == []

    def test_seven_and_the_text_seven_are_two_groups_and_equal_numbers_are_one(self) -> None:
        automation = {"trigger": {"for_each": "payload.n", "threshold": 2, "within": 10}}
        inputs = [event(i, payload={"n": n}) for i, n in enumerate([7, "7", True, 7.0])]
        assert [dict(f.labels) for f in run(automation, *inputs)] == [{"payload.n": "7"}]

    def test_a_dotted_payload_key_is_quoted(self) -> None:
        assert self.grouped('payload."a.b"', event(1, payload={"a.b": 1})) == [{'payload."a.b"': "1"}]


class TestReactive:
    def test_without_a_window_every_matching_event_fires_however_late(self) -> None:
        late = event(2, received=9000)
        assert shown(run({"trigger": {}}, event(9000), late)) == [(9000, "e@9000"), (2, "e@2")]

    def test_windows_slide_so_three_in_ten_seconds_at_9_11_12_after_one_at_0_fire(self) -> None:
        (firing,) = run(THREE_IN_TEN, event(0), event(9), event(11), event(12))
        assert (shown([firing]), events_of(firing)) == ([(12, "e@12")], ["e@9", "e@11", "e@12"])

    def test_within_is_inclusive(self) -> None:
        assert shown(run(THREE_IN_TEN, event(0), event(5), event(10))) == [(10, "e@10")]
        assert run(THREE_IN_TEN, event(0), event(5), event(10.000001)) == []

    def test_the_group_is_silent_until_within_has_passed_since_the_oldest_counted_event(self) -> None:
        inputs = [event(at) for at in (0, 5, 9.999999, 10)]
        assert shown(run(ONE_IN_TEN, *inputs)) == [(0, "e@0"), (10, "e@10")]

    def test_an_event_inside_the_silence_is_dropped_and_does_not_count_later(self) -> None:
        inputs = [event(at) for at in (0, 1, 2, 9, 11, 12)]
        assert shown(run(THREE_IN_TEN, *inputs)) == [(2, "e@2")]

    def test_an_event_older_than_the_silence_may_still_fire(self) -> None:
        assert shown(run(ONE_IN_TEN, event(20), event(15, received=21))) == [(20, "e@20"), (15, "e@15")]

    def test_each_firing_has_its_own_silence(self) -> None:
        inputs = [event(20), event(5, received=21), event(14, received=22), event(25), event(16, received=26)]
        assert shown(run(ONE_IN_TEN, *inputs)) == [(20, "e@20"), (5, "e@5"), (16, "e@16")]

    @pytest.mark.parametrize("order", [(9, 11, 12), (12, 9, 11), (11, 12, 9)])
    def test_a_firing_shows_the_same_event_and_time_in_whichever_order_its_events_came(self, order: Any) -> None:
        (firing,) = run(THREE_IN_TEN, *(event(at, received=20) for at in order))
        assert (shown([firing]), events_of(firing)) == ([(12, "e@12")], ["e@9", "e@11", "e@12"])

    def test_the_earliest_set_in_event_time_is_counted_and_the_rest_stays(self) -> None:
        automation = {"trigger": {"threshold": 2, "within": 10}}
        firings = run(automation, event(0), event(20), event(10, received=21), event(25, received=26))
        assert [events_of(firing) for firing in firings] == [["e@0", "e@10"], ["e@20", "e@25"]]

    def test_equal_times_stand_in_order_of_arrival(self) -> None:
        automation = {"trigger": {"threshold": 2, "within": 10}}
        (firing,) = run(automation, event(1, known="z"), event(1, known="a"))
        assert (shown([firing]), events_of(firing)) == ([(1, "a")], ["z", "a"])

    def test_groups_count_apart(self) -> None:
        automation = {"trigger": {"threshold": 2, "within": 10, "for_each": ["x"]}}
        inputs = [event(at, resource={"x": x}) for at, x in ((0, "a"), (1, "b"), (2, "b"))]
        assert [dict(firing.labels) for firing in run(automation, *inputs)] == [{"x": "b"}]

    @pytest.mark.parametrize(("at", "fires"), [(30, True), (29.999999, False)])
    def test_a_late_event_counts_unless_older_than_the_newest_less_within_and_lateness(
        self, at: float, fires: bool
    ) -> None:
        firings = run(ONE_IN_TEN, event(100), event(at, received=101))
        assert (len(firings) == 2) is fires

    def test_lateness_is_measured_from_all_matching_events_of_the_cell_dropped_ones_too(self) -> None:
        inputs = [event(100), event(109), event(35, received=110)]
        assert shown(run(ONE_IN_TEN, *inputs)) == [(100, "e@100")]

    def test_events_of_another_cell_make_nothing_late(self) -> None:
        automation = {"trigger": {"threshold": 1, "within": 10, "for_each": ["x"]}}
        inputs = [event(500, resource={"x": "a"}), event(1, received=501, resource={"x": "b"})]
        assert shown(run(automation, *inputs)) == [(500, "e@500"), (1, "e@1")]


class TestReactiveAfter:
    def test_expected_events_count_only_inside_the_window_which_is_closed_at_both_ends(self) -> None:
        assert run(AFTER, event(1), event(2, "open"), event(12.000001)) == []
        assert shown(run(AFTER, event(2, "open"), event(2))) == [(2, "e@2")]
        assert shown(run(AFTER, event(2, "open"), event(12))) == [(12, "e@12")]

    def test_an_expected_event_that_comes_before_its_after_event_does_not_count(self) -> None:
        assert run(AFTER, event(5), event(3, "open", received=6)) == []

    def test_a_second_after_event_in_an_open_window_changes_nothing(self) -> None:
        assert run(AFTER, event(0, "open"), event(9, "open"), event(15)) == []

    def test_a_firing_closes_the_window_and_there_is_no_silence(self) -> None:
        inputs = [event(0, "open"), event(1), event(2), event(3, "open"), event(4)]
        assert shown(run(AFTER, *inputs)) == [(1, "e@1"), (4, "e@4")]

    def test_an_event_that_is_both_opens_the_window_and_does_not_count_in_it(self) -> None:
        automation = {"trigger": {"after": "e", "expect": "e", "within": 10}}
        inputs = [event(at) for at in (0, 1, 2, 3)]
        assert shown(run(automation, *inputs)) == [
            (1, "e@1"),
            (3, "e@3"),
        ]  # nor does the one that fires open the next

    def test_filters_hold_for_after_events_too(self) -> None:
        automation = {"trigger": {**AFTER["trigger"], "match": {"x": "1"}}}
        assert run(automation, event(0, "open"), event(1, resource={"x": "1"})) == []

    def test_of_two_open_windows_the_earliest_counts(self) -> None:
        automation = {"trigger": {**AFTER["trigger"], "threshold": 2}}
        inputs = [event(10, "open"), event(5, "open", received=11), event(12), event(14), event(16), event(17)]
        assert shown(run(automation, *inputs)) == [(14, "e@14"), (17, "e@17")]

    def test_a_window_is_open_for_a_late_event_whose_time_is_in_it(self) -> None:
        assert shown(run(AFTER, event(0, "open"), event(8, received=50))) == [(8, "e@8")]

    def test_the_event_is_the_newest_counted_one(self) -> None:
        automation = {"trigger": {**AFTER["trigger"], "threshold": 2}}
        (firing,) = run(automation, event(0, "open"), event(9), event(4, received=10))
        assert (shown([firing]), events_of(firing)) == ([(9, "e@9")], ["e@4", "e@9"])


ALIGNED = {"trigger": {"posture": "Proactive", "expect": "e", "within": 20}}
PER_GROUP = {"trigger": {**ALIGNED["trigger"], "for_each": ["id"]}}
EXPECTED_AFTER = {"trigger": {**ALIGNED["trigger"], "after": "open"}}
HEARTBEAT = {"trigger": {**ALIGNED["trigger"], "after": "e"}}


class TestProactiveAfter:
    def test_it_fires_at_the_windows_end_when_too_little_came(self) -> None:
        assert run(EXPECTED_AFTER, event(5, "open"), tick(24.999999)) == []
        assert shown(run(EXPECTED_AFTER, event(5, "open"), tick(25))) == [(25, "open@5")]

    def test_enough_expected_events_close_it_quietly(self) -> None:
        assert run(EXPECTED_AFTER, event(5, "open"), event(6), tick(100)) == []

    def test_windows_are_half_open_and_at_an_equal_time_the_deadline_comes_first(self) -> None:
        firings = run(EXPECTED_AFTER, event(5, "open"), event(25))
        assert shown(firings) == [(25, "open@5"), (25, "resolved e@25")]

    def test_grace_waits_for_events_on_their_way(self) -> None:
        automation = {"trigger": {**EXPECTED_AFTER["trigger"], "grace": 5}}
        assert run(automation, event(5, "open"), event(24, received=29), tick(100)) == []
        assert shown(run(automation, event(5, "open"), tick(100))) == [(30, "open@5")]

    def test_a_within_of_zero_means_ten_seconds(self) -> None:
        automation = {"trigger": {"posture": "Proactive", "after": "open", "expect": "e"}}
        assert shown(run(automation, event(0, "open"), tick(100))) == [(10, "open@0")]

    def test_a_heartbeat_that_completes_the_count_opens_the_next_window(self) -> None:
        assert shown(run(HEARTBEAT, event(0), event(15), event(30), tick(100))) == [(50, "e@30")]

    def test_it_resolves_at_the_groups_next_expected_event_which_wakes_nothing_when_late(self) -> None:
        firings = run(EXPECTED_AFTER, event(5, "open"), tick(25), event(7, received=26), event(27), tick(100))
        assert shown(firings) == [(25, "open@5"), (7, "resolved e@7")]

    def test_a_deadline_in_the_past_is_judged_before_the_next_input(self) -> None:
        assert shown(run(EXPECTED_AFTER, tick(100), event(50, "open", received=101))) == [(70, "open@50")]

    def test_groups_have_their_own_windows(self) -> None:
        automation = {"trigger": {**EXPECTED_AFTER["trigger"], "for_each": ["id"]}}
        inputs = [
            event(0, "open", known="1", resource={"id": "a"}),
            event(1, "open", known="2", resource={"id": "b"}),
        ]
        assert shown(run(automation, *inputs, event(5, resource={"id": "a"}), tick(100))) == [(21, "2")]

    def test_the_event_is_the_last_of_the_group_before_the_deadline_and_events_the_counted_ones(self) -> None:
        automation = {"trigger": {**EXPECTED_AFTER["trigger"], "threshold": 2}}
        (firing,) = run(automation, event(0, "open"), event(3), event(5, "open"), tick(20))
        assert (shown([firing]), events_of(firing), firing.count) == ([(20, "open@5")], ["e@3"], 1)


class TestProactiveAligned:
    def test_windows_start_at_whole_multiples_of_within_the_first_at_or_after_loading(self) -> None:
        loaded_late = run(ALIGNED, tick(59), loaded=START_PLUS_7)
        assert shown(run(ALIGNED, tick(39))) == [(20, "-")]
        assert shown(loaded_late) == [(40, "-")]

    def test_when_one_input_passes_several_windows_all_are_judged(self) -> None:
        assert shown(run(ALIGNED, tick(65))) == [(20, "-"), (40, "-"), (60, "-")]

    def test_after_downtime_only_the_last_window_is_judged(self) -> None:
        assert shown(run(ALIGNED, tick(65, downtime=True), tick(80))) == [(60, "-"), (80, "-")]

    def test_it_resolves_once_and_windows_go_on(self) -> None:
        firings = run(ALIGNED, tick(20), event(25), event(26), tick(40), tick(60))
        assert shown(firings) == [(20, "-"), (25, "resolved e@25"), (60, "e@26")]

    def test_an_event_dated_ahead_counts_in_the_window_of_its_time(self) -> None:
        assert shown(run(ALIGNED, event(25, received=5), tick(40))) == [(20, "-"), (25, "resolved e@25")]


class TestProactivePerGroup:
    def test_windows_start_at_the_groups_first_event_which_counts_in_its_window(self) -> None:
        assert run(PER_GROUP, event(5), tick(25)) == []
        assert shown(run(PER_GROUP, event(5), tick(45))) == [(45, "e@5")]

    def test_it_keeps_working_after_a_healthy_window(self) -> None:
        assert shown(run(PER_GROUP, event(5), event(30), tick(500))) == [(65, "e@30")]

    def test_after_a_firing_the_group_sleeps_until_its_next_event_which_opens_and_counts(self) -> None:
        inputs = [event(5), tick(500), event(507), tick(546), tick(547)]
        assert shown(run(PER_GROUP, *inputs)) == [(45, "e@5"), (507, "resolved e@507"), (547, "e@507")]

    def test_a_late_event_resolves_at_its_own_time_and_wakes_no_group(self) -> None:
        firings = run(PER_GROUP, event(5), tick(45), event(44, received=46), tick(500))
        assert shown(firings) == [(45, "e@5"), (44, "resolved e@44")]

    def test_one_dated_ahead_beyond_the_deadline_opens_the_next_window_at_its_time(self) -> None:
        firings = run(PER_GROUP, event(5), event(50, received=40), tick(89), tick(90))
        assert shown(firings) == [(45, "e@5"), (50, "resolved e@50"), (90, "e@50")]

    def test_after_downtime_only_the_last_window_is_judged(self) -> None:
        assert shown(run(PER_GROUP, event(5), tick(110, downtime=True), tick(900))) == [(105, "e@5")]

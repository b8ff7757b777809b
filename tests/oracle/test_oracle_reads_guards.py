"""The oracle against the sentences of the rule language that can be checked: throttle, debounce, order."""

from oracle.evaluator import Oracle
from oracle.stream import LATENESS, SECOND, START, event, run, shown, tick

TWO_IN_TEN = {"trigger": {}, "throttle": {"limit": 2, "per": 10}}
QUIET = {"trigger": {}, "debounce": {"quiet": 5}}
MISSING = {"posture": "Proactive", "expect": "e", "within": 10}


class TestThrottle:
    def test_at_most_limit_firings_in_any_span_and_the_rest_are_recorded_as_suppressed(self) -> None:
        firings = run(TWO_IN_TEN, *(event(at) for at in (0, 8, 9.5, 10, 17)))
        assert shown(firings) == [
            (0, "e@0"),
            (8, "e@8"),
            (9.5, "suppressed e@9.5"),
            (10, "e@10"),
            (17, "suppressed e@17"),
        ]

    def test_spans_lie_on_the_clock_not_in_event_time(self) -> None:
        firings = run(TWO_IN_TEN, *(event(at, received=20) for at in (0, 5, 19)))
        assert shown(firings) == [(0, "e@0"), (5, "e@5"), (19, "suppressed e@19")]

    def test_it_groups_by_the_triggers_for_each_unless_told_otherwise(self) -> None:
        inputs = [
            event(at, resource={"x": x, "y": y}) for at, x, y in ((0, "a", "1"), (1, "b", "1"), (2, "a", "2"))
        ]
        own = {"trigger": {"for_each": ["x"]}, "throttle": {"limit": 1, "per": 60}}
        told = {**own, "throttle": {"limit": 1, "per": 60, "for_each": ["y"]}}
        assert [firing.suppressed for firing in run(own, *inputs)] == [False, False, True]
        assert [firing.suppressed for firing in run(told, *inputs)] == [False, True, False]

    def test_a_group_label_that_is_missing_there_is_one_group(self) -> None:
        automation = {"trigger": {}, "throttle": {"limit": 1, "per": 60, "for_each": ["y"]}}
        inputs = [event(0), event(1), event(2, resource={"y": "1"})]
        assert [firing.suppressed for firing in run(automation, *inputs)] == [False, True, False]

    def test_a_resolve_whose_firing_was_suppressed_is_suppressed_too(self) -> None:
        automation = {"trigger": MISSING, "throttle": {"limit": 1, "per": 60}}
        firings = run(automation, tick(10), event(12), tick(30), event(33))
        assert shown(firings) == [
            (10, "-"),
            (12, "resolved e@12"),
            (30, "suppressed e@12"),
            (33, "resolved suppressed e@33"),
        ]


class TestDebounce:
    def test_it_fires_once_the_group_has_been_quiet(self) -> None:
        (firing,) = run(QUIET, event(0), event(3), event(7), tick(11.9), tick(12))
        assert shown([firing]) == [(12, "e@7")]
        assert (firing.events, firing.count) == (("test/e@0", "test/e@3", "test/e@7"), 3)

    def test_at_the_latest_at_most_after_its_first_firing(self) -> None:
        automation = {"trigger": {}, "debounce": {"quiet": 5, "at_most": 9}}
        assert shown(run(automation, *(event(at) for at in (0, 4, 8)), tick(30))) == [(9, "e@8")]

    def test_an_event_at_the_bursts_end_begins_the_next(self) -> None:
        assert shown(run(QUIET, event(0), event(5), tick(30))) == [(5, "e@0"), (10, "e@5")]

    def test_event_and_events_are_by_event_time(self) -> None:
        (firing,) = run(QUIET, event(9), event(2, received=10), tick(30))
        assert (shown([firing]), firing.events) == ([(15, "e@9")], ("test/e@2", "test/e@9"))

    def test_it_comes_before_throttle(self) -> None:
        automation = {**QUIET, "throttle": {"limit": 1, "per": 60}}
        firings = run(automation, event(0), event(1), event(20), event(80), tick(100))
        assert shown(firings) == [(6, "e@1"), (25, "suppressed e@20"), (85, "e@80")]

    def test_a_deadline_at_a_bursts_end_goes_first_and_prolongs_it(self) -> None:
        automation = {"trigger": MISSING, "debounce": {"quiet": 10, "at_most": 25}}
        assert run(automation, tick(34)) == []
        assert shown(run(automation, tick(35))) == [(35, "-")]

    def test_the_triggered_state_follows_the_trigger(self) -> None:
        automation = {"trigger": MISSING, "debounce": {"quiet": 5}}
        assert shown(run(automation, event(1), tick(20), event(22), tick(26))) == [
            (22, "resolved e@22"),
            (25, "e@1"),
        ]


class TestOrder:
    def test_one_inputs_firings_come_in_order_of_time_then_automation_then_group(self) -> None:
        waiting = {"trigger": {**MISSING, "for_each": ["x"], "grace": 5}}
        automations = [{"name": "b", **waiting}, {"name": "a", **waiting}, {"name": "0", "trigger": {}}]
        oracle = Oracle(automations, START, LATENESS)
        for x in "ba":
            oracle.feed(event(1, known=x, resource={"x": x}))
        firings = oracle.feed(event(40))
        named = [((f.at - START) / SECOND, f.automation, f.labels) for f in firings]
        groups = [(name, (("x", x),)) for name in "ab" for x in "ab"]
        assert named == [*((26, *group) for group in groups), (40, "0", ())]

    def test_every_deadline_up_to_the_clock_fires_before_the_event_is_evaluated(self) -> None:
        assert shown(run({"trigger": MISSING}, event(12))) == [(10, "-"), (12, "resolved e@12")]

    def test_the_clock_never_goes_back(self) -> None:
        assert shown(run({"trigger": MISSING}, tick(15), tick(5), event(8, received=9))) == [
            (10, "-"),
            (8, "resolved e@8"),
        ]

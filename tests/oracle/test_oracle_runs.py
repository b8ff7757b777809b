"""What holds for any stream whatever: the oracle's own invariants."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from oracle.evaluator import Firing, Oracle
from oracle.strategies import LATENESS, START, Serialise, Stream, Tick, inputs, leaves, reactive, streams


def answers(stream: Stream) -> list[list[Firing]]:
    """The firings of each input."""
    oracle = Oracle(stream.automations, stream.loaded, stream.lateness)
    return [answer(oracle, each) for each in stream.inputs]


def answer(oracle: Oracle, each: Any) -> list[Firing]:
    if isinstance(each, Serialise):
        return []
    return oracle.tick(each.now, each.downtime) if isinstance(each, Tick) else oracle.feed(each)


def told(stream: Stream) -> Counter[Firing]:
    return Counter(firing for firings in answers(stream) for firing in firings)


@settings(max_examples=60, deadline=None)
@given(streams())
def test_one_inputs_firings_are_in_order(stream: Stream) -> None:
    for firings in answers(stream):
        assert firings == sorted(firings, key=lambda f: (f.at, f.automation, f.labels))


@settings(max_examples=60, deadline=None)
@given(streams())
def test_a_tick_before_an_input_changes_nothing(stream: Stream) -> None:
    ticked: list[Any] = []
    for each in stream.inputs:
        if isinstance(each, dict):
            ticked += [Tick(each["received"] - 1), Tick(each["received"])]
        ticked.append(each)
    assert told(Stream(stream.automations, stream.loaded, stream.lateness, ticked)) == told(stream)


@settings(max_examples=60, deadline=None)
@given(leaves, inputs(START))
def test_a_group_does_not_see_the_events_of_another(trigger: dict[str, Any], stream: list[Any]) -> None:
    automation = {"name": "a", "trigger": {**trigger, "for_each": ["x"]}}
    alone = [
        Tick(each["received"]) if isinstance(each, dict) and each["resource"].get("x") != "1" else each
        for each in distinct(stream)
    ]
    whole = told(Stream([automation], START, LATENESS, distinct(stream)))
    assert told(Stream([automation], START, LATENESS, alone)) == Counter(
        {firing: n for firing, n in whole.items() if firing.labels == (("x", "1"),)}
    )


def distinct(stream: list[Any]) -> list[Any]:
    """The stream with an id of its own for each event."""
    return [{**each, "id": str(at)} if isinstance(each, dict) else each for at, each in enumerate(stream)]


@settings(max_examples=60, deadline=None)
@given(streams(leaves))
def test_a_state_is_left_no_more_often_than_it_was_entered(stream: Stream) -> None:
    states = Counter((f.automation, f.labels, f.state) for f in told(stream).elements())
    for name in {a["name"] for a in stream.automations if "debounce" not in a}:
        for labels in {labels for automation, labels, _ in states if automation == name}:
            assert states[name, labels, "resolved"] <= states[name, labels, "fired"]


@settings(max_examples=40, deadline=None)
@given(streams(reactive))
def test_a_reactive_rule_fires_at_an_event_it_counted(stream: Stream) -> None:
    for firing in told(stream):
        assert firing.state == "fired"
        assert firing.count == len(firing.events)
        assert firing.event in firing.events

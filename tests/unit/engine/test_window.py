"""The sliding window against a slow, obvious one that forgets nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.engine.window import KEPT_BYTES, KEPT_EVENTS, Window, arrive
from automations.model.event import Event
from automations.model.moment import SECOND
from automations.model.reason import Reason

LATENESS = 60 * SECOND


@dataclass
class Obvious:
    """Keeps every event for ever, and looks at every set of waiting events."""

    threshold: int
    within: int
    newest: int | None = None
    waiting: list[Event] = field(default_factory=list)
    spent: list[Event] = field(default_factory=list)
    silences: list[tuple[int, int]] = field(default_factory=list)

    def arrive(self, event: Event) -> list[str] | None:
        newest, self.newest = self.newest, max(event.time, self.newest or event.time)
        if newest is not None and event.time < newest - self.within - LATENESS:
            return None
        if any(start <= event.time < end for start, end in self.silences):
            return None
        if event.key in {other.key for other in self.waiting + self.spent}:
            return None
        self.waiting.append(event)
        in_order = sorted(self.waiting, key=lambda other: other.time)
        for chosen in itertools.combinations(in_order, self.threshold):
            if chosen[-1].time - chosen[0].time <= self.within:
                self.waiting = [other for other in self.waiting if other not in chosen]
                self.spent.extend(chosen)
                self.silences.append((chosen[0].time, chosen[0].time + self.within))
                return [other.id for other in chosen]
        return None


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 30)), max_size=30
)  # (occurred, id): the same id twice is a repetition


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 4), st.integers(1, 40), ARRIVALS)
def test_the_window_fires_as_one_that_forgets_nothing(
    threshold: int, within: int, arrivals: list[tuple[int, int]]
) -> None:
    obvious = Obvious(threshold, within * SECOND)
    window, state = Window(threshold, within * SECOND, LATENESS), None
    occurred = {identity: at for at, identity in reversed(arrivals)}
    for _, identity in arrivals:
        moment = occurred[identity] * SECOND
        event = Event("t", str(identity), "e", moment, 10_000 * SECOND, {"prefect.resource.id": "r"})
        arrival = arrive(window, state, event)
        expected = obvious.arrive(event)
        assert [entry[2] for entry in arrival.counted] == (expected or [])
        state = orjson.loads(orjson.dumps(arrival.state))  # kept elsewhere between any two events


def test_state_is_not_changed_in_place(event: Callable[..., Event]) -> None:
    window = Window(3, 10 * SECOND, LATENESS)
    first = arrive(window, None, event(at=0)).state
    before = orjson.dumps(first)
    arrive(window, first, event(at=1))
    assert orjson.dumps(first) == before


def test_the_span_is_inclusive_and_the_silence_half_open(event: Callable[..., Event]) -> None:
    window = Window(2, 10 * SECOND, LATENESS)
    state = arrive(window, None, event(at=0)).state
    fired = arrive(window, state, event(at=10))
    assert fired.reason is Reason.FIRED
    assert arrive(window, fired.state, event(at=9.9)).reason is Reason.SILENT
    assert arrive(window, fired.state, event(at=10.0, id="other")).reason is Reason.COUNTED


def test_a_repetition_of_an_event_spent_at_the_silences_end_does_not_count_again(
    event: Callable[..., Event],
) -> None:
    window = Window(2, 10 * SECOND, LATENESS)
    state = arrive(window, arrive(window, None, event(at=0)).state, event(at=10)).state
    assert arrive(window, state, event(at=10)).reason is Reason.DUPLICATE


def test_an_event_older_than_the_window_and_lateness_is_too_late(event: Callable[..., Event]) -> None:
    window = Window(2, 10 * SECOND, LATENESS)
    state = arrive(window, None, event(at=100)).state
    assert arrive(window, state, event(at=30)).reason is Reason.COUNTED
    assert arrive(window, state, event(at=29.9)).reason is Reason.TOO_LATE


def test_a_clock_that_runs_ahead_silences_nothing(event: Callable[..., Event]) -> None:
    window = Window(1, 10 * SECOND, LATENESS)
    ahead = event(at=0)
    ahead = event(occurred=ahead.occurred + 3600 * SECOND, received=ahead.received)
    state = arrive(window, None, ahead).state
    assert arrive(window, state, event(at=120)).reason is Reason.FIRED


def test_bodies_beyond_the_bounds_are_let_go_from_the_middle(event: Callable[..., Event]) -> None:
    window, state = Window(5_000, 100_000 * SECOND, LATENESS), None
    for number in range(KEPT_EVENTS + 50):
        state = arrive(window, state, event(at=number)).state
    assert state is not None
    bodies = [entry[3] is not None for entry in state["waiting"]]
    assert sum(bodies) == KEPT_EVENTS
    assert bodies[0]
    assert bodies[-1]


def test_large_bodies_are_bounded_by_bytes(event: Callable[..., Event]) -> None:
    window, state = Window(50, 100_000 * SECOND, LATENESS), None
    for number in range(10):
        state = arrive(window, state, event(at=number, payload={"text": "x" * 100_000})).state
    assert state is not None
    assert sum(entry[4] for entry in state["waiting"]) <= KEPT_BYTES
    assert len(state["waiting"]) == 10

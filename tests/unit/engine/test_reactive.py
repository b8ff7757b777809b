"""What the comparison with the oracle does not show: bounds, and that nothing is changed in place."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from automations.engine.entries import KEPT_BYTES, KEPT_EVENTS
from automations.engine.machine import Arrival, Step
from automations.engine.reactive import SlidingWindow
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.moment import SECOND
from automations.model.reason import Reason


def arrive(window: SlidingWindow, state: JsonObject | None, event: Event, number: int = 0) -> Step:
    return window.arrive(state, Arrival(event, number, event.received))


def test_state_is_not_changed_in_place(event: Callable[..., Event]) -> None:
    window = SlidingWindow(3, 10 * SECOND)
    first = arrive(window, None, event(at=0)).state
    before = orjson.dumps(first)
    arrive(window, first, event(at=1))
    assert orjson.dumps(first) == before


def test_a_repetition_of_an_event_spent_at_the_silences_end_does_not_count_again(
    event: Callable[..., Event],
) -> None:
    window = SlidingWindow(2, 10 * SECOND)
    state = arrive(window, arrive(window, None, event(at=0)).state, event(at=10)).state
    assert arrive(window, state, event(at=10)).reason is Reason.DUPLICATE


def test_bodies_beyond_the_bounds_are_let_go_from_the_middle(event: Callable[..., Event]) -> None:
    window, state = SlidingWindow(5_000, 100_000 * SECOND), None
    for number in range(KEPT_EVENTS + 50):
        state = arrive(window, state, event(at=number), number).state
    assert state is not None
    bodies = [entry[3] is not None for entry in state["waiting"]]
    assert sum(bodies) == KEPT_EVENTS
    assert bodies[0]
    assert bodies[-1]


def test_large_bodies_are_bounded_by_bytes(event: Callable[..., Event]) -> None:
    window, state = SlidingWindow(50, 100_000 * SECOND), None
    for number in range(10):
        state = arrive(window, state, event(at=number, payload={"text": "x" * 100_000}), number).state
    assert state is not None
    assert sum(entry[4] for entry in state["waiting"]) <= KEPT_BYTES
    assert len(state["waiting"]) == 10

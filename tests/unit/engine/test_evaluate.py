from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from automations.engine import compile_rules, evaluate
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.moment import SECOND
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet


class Bench:
    """Feeds events to one rule and keeps its cells as JSON, as any runtime would."""

    def __init__(self, **rule: Any) -> None:
        self.cells: dict[str, bytes] = {}
        self.use(**rule)

    def use(self, **rule: Any) -> None:
        document = {"name": "rule", "actions": [{"type": "do-nothing"}], **rule}
        self.index = compile_rules(RuleSet((Automation.model_validate(document),)))

    def feed(self, *events: Event) -> list[Firing]:
        fired: list[Firing] = []
        program = self.index.programs["rule"]
        for event in events:
            matches = self.index.match(event)
            if not matches:
                continue
            key = str(program.root_group(matches[0].group))
            state = orjson.loads(self.cells[key]) if key in self.cells else None
            evaluation = evaluate(program, state, event, matches)
            if evaluation.state is not None:
                self.cells[key] = orjson.dumps(evaluation.state)
            fired.extend(evaluation.firings)
        return fired


def test_every_matching_event_of_an_immediate_rule_fires_and_nothing_is_kept(event: Callable[..., Event]) -> None:
    bench = Bench(trigger={"expect": "order.failed"})
    fired = bench.feed(event(at=0), event("order.ok", at=1), event(at=2))
    assert [f.event.id for f in fired if f.event] == ["order.failed-0", "order.failed-2"]
    assert bench.cells == {}


def test_groups_count_apart(event: Callable[..., Event]) -> None:
    bench = Bench(trigger={"expect": "order.failed", "threshold": 2, "within": 60, "for_each": "customer"})

    def order(customer: str, at: float) -> Event:
        return event(at=at, resource={"prefect.resource.id": f"order.{at}", "customer": customer})

    fired = bench.feed(order("a", 0), order("b", 1), order("b", 2), order("a", 3))
    assert [(f.labels, f.count, f.at - fired[0].at) for f in fired] == [
        ({"customer": "b"}, 2, 0),
        ({"customer": "a"}, 2, SECOND),
    ]


def test_a_firing_shows_the_same_event_time_and_id_in_whichever_order_its_events_came(
    event: Callable[..., Event],
) -> None:
    trigger = {"expect": "order.failed", "threshold": 3, "within": 60}
    events = [event(at=0), event(at=10), event(at=20)]
    forwards = Bench(trigger=trigger).feed(*events)
    shuffled = Bench(trigger=trigger).feed(events[2], events[0], events[1])
    assert forwards == shuffled


def test_a_throttle_holds_back_what_comes_too_fast_on_the_cells_clock(event: Callable[..., Event]) -> None:
    bench = Bench(trigger={"expect": "order.failed"}, throttle={"limit": 2, "per": 60})
    fired = bench.feed(*(event(at=at) for at in (0, 1, 2, 60, 61)))
    assert [f.reason for f in fired] == [
        Reason.FIRED,
        Reason.FIRED,
        Reason.THROTTLED,
        Reason.FIRED,
        Reason.FIRED,
    ]


def test_a_throttle_of_its_own_group_sees_all_firings_of_it(event: Callable[..., Event]) -> None:
    bench = Bench(
        trigger={"expect": "order.failed", "for_each": ["id"]},
        throttle={"limit": 1, "per": 60, "for_each": ["customer"]},
    )

    def order(identity: str, at: float, **labels: str) -> Event:
        return event(at=at, resource={"prefect.resource.id": identity, **labels})

    fired = bench.feed(
        order("1", 0, customer="a"),
        order("2", 1, customer="a"),
        order("3", 2, customer="b"),
        order("4", 3),
        order("5", 4),
    )
    assert [f.suppressed for f in fired] == [False, True, False, False, True]


def test_window_progress_survives_an_edit_that_does_not_touch_the_trigger(event: Callable[..., Event]) -> None:
    trigger = {"expect": "order.failed", "threshold": 2, "within": 60}
    bench = Bench(trigger=trigger)
    assert bench.feed(event(at=0)) == []
    bench.use(trigger=trigger, description="edited", throttle={"limit": 5, "per": 60})
    assert len(bench.feed(event(at=1))) == 1


def test_an_edit_of_the_trigger_starts_its_window_anew(event: Callable[..., Event]) -> None:
    bench = Bench(trigger={"expect": "order.failed", "threshold": 2, "within": 60})
    assert bench.feed(event(at=0)) == []
    bench.use(trigger={"expect": "order.failed", "threshold": 2, "within": 90})
    assert bench.feed(event(at=1)) == []


@pytest.mark.parametrize("change", [{"id": "other"}, {"source": "other"}])
def test_another_event_has_another_firing_id(event: Callable[..., Event], change: dict[str, str]) -> None:
    bench = Bench(trigger={"expect": "order.failed"})
    first, again, other = bench.feed(event(at=0), event(at=0), event(at=0, **change))
    assert first.id == again.id
    assert first.id != other.id
    assert len(first.id) == 32

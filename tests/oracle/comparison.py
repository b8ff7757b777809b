"""The engine and the oracle on the same stream."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from oracle.evaluator import Firing as Expected
from oracle.evaluator import Oracle
from oracle.strategies import Serialise, Stream, Tick

from automations.engine import compile_rules
from automations.engine.evaluate import StateBounds
from automations.engine.simulation import Simulation
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.ruleset import RuleSet


def answers(stream: Stream) -> Iterator[tuple[Any, list[Expected], list[Expected]]]:
    """Each input with the oracle's firings and the engine's."""
    oracle = Oracle(stream.automations, stream.loaded, stream.lateness)
    simulation = simulated(stream)
    for given in stream.inputs:
        match given:
            case Serialise():
                simulation.restart()
            case Tick():
                expected = oracle.tick(given.now, given.downtime)
                actual = simulation.tick(given.now, downtime=given.downtime)
                yield given, in_order(expected), in_order([seen(firing) for _, firing in actual])
            case _:
                actual = simulation.feed(event_of(given))[1]
                yield given, in_order(oracle.feed(given)), in_order([seen(firing) for _, firing in actual])


def in_order(firings: list[Expected]) -> list[Expected]:
    """Groups whose labels read alike (7 and "7") have no order between them."""
    for first, second in pairwise(firings):
        assert (first.at, first.automation, first.labels) <= (second.at, second.automation, second.labels)
    return sorted(firings, key=lambda firing: (firing.at, firing.automation, firing.labels, str(firing)))


def simulated(stream: Stream) -> Simulation:
    rules = tuple(Automation.model_validate({"actions": [], **rule}) for rule in stream.automations)
    return Simulation(compile_rules(RuleSet(rules)), stream.loaded, StateBounds(stream.lateness))


def event_of(given: dict[str, Any]) -> Event:
    long = {"id": "prefect.resource.id", "name": "prefect.resource.name", "role": "prefect.resource.role"}

    def labels(short: dict[str, str]) -> dict[str, str]:
        return {long.get(key, key): value for key, value in short.items()}

    return Event(
        source=given["source"],
        id=given["id"],
        name=given["event"],
        occurred=given["occurred"],
        received=given["received"],
        resource=labels(given["resource"]),
        related=[labels(related) for related in given["related"]],
        payload=given["payload"],
    )


def seen(firing: Firing) -> Expected:
    return Expected(
        automation=firing.automation,
        state="resolved" if firing.kind == "resolve" else "fired",
        at=firing.at,
        labels=tuple(sorted(firing.labels.items())),
        event=firing.event.ref if firing.event else None,
        events=tuple(event.ref for event in firing.events),
        count=firing.count,
        suppressed=firing.suppressed,
    )

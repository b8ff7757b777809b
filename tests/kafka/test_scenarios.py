"""The same firings as in the simulation, from a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka.audit import repeated
from kafka.conftest import new_topology
from kafka.scenario import Scenario, running

from automations.engine import compile_rules, plan
from automations.engine.simulation import Simulation
from automations.model.action import ActionRequest
from automations.model.firing import Firing
from automations.model.rule_test import Down
from automations.rulefiles import LocatedTest, load_rules, load_tests
from automations.ruletests.run import event_of, in_scope
from automations.runtime.kafka.records import FiringRecord
from automations.runtime.kafka.topics import create

RULES = Path(__file__).parents[2] / "rules"
TESTS = load_tests(RULES)


@pytest.mark.parametrize("file", sorted({located.file for located in TESTS}), ids=lambda file: str(file.stem))
async def test_rule_tests_fire_as_in_the_simulation(kafka: str, file: Path) -> None:
    async with asyncio.TaskGroup() as at_once:
        for located in TESTS:
            if located.file == file:
                at_once.create_task(named(located.test.name, fires_as_in_the_simulation(kafka, located)))


async def named(name: str, claim: Awaitable[None]) -> None:
    try:
        await claim
    except AssertionError as error:
        error.add_note(name)
        raise


async def fires_as_in_the_simulation(kafka: str, located: LocatedTest) -> None:
    topology = new_topology()
    await create(kafka, topology)
    scenario = Scenario(kafka, topology, compile_rules(in_scope(located, load_rules(RULES))))
    async with running(scenario) as producer:
        await play(scenario, producer, located)
    fired = await scenario.audit.firings()
    firings, actions = simulated(located)
    assert by_id(fired) == by_id(orjson.loads(orjson.dumps([FiringRecord.of(firing).body for firing in firings])))
    assert not repeated([body["id"] for body in fired])
    assert sorted(a.id for a in await scenario.audit.actions()) == sorted(a.id for a in actions)
    assert not [letter for letter in await scenario.audit.dead_letters() if letter.code == "poison"]


async def play(scenario: Scenario, producer: AIOKafkaProducer, located: LocatedTest) -> None:
    test = located.test
    clock = test.start
    await scenario.tick(producer, clock)
    for number, given in enumerate(test.events, start=1):
        if isinstance(given, Down):
            clock += given.down
            await scenario.stop()
            await scenario.start()
            await scenario.tick(producer, clock, downtime=True)
            continue
        event = event_of(given, number, test.start)
        clock = max(clock, event.received)
        await scenario.feed(producer, [event])
    await scenario.tick(producer, clock)
    if test.until is not None:
        await scenario.tick(producer, test.until.after(test.start))


def simulated(located: LocatedTest) -> tuple[Sequence[Firing], Sequence[ActionRequest]]:
    test = located.test
    simulation = Simulation(compile_rules(in_scope(located, load_rules(RULES))), test.start)
    clock, found = test.start, []
    for number, given in enumerate(test.events, start=1):
        if isinstance(given, Down):
            clock += given.down
            simulation.restart()
            found += simulation.tick(clock, downtime=True)
        else:
            event = event_of(given, number, test.start)
            clock = max(clock, event.received)
            found += simulation.feed(event)[1]
    if test.until is not None:
        found += simulation.tick(test.until.after(test.start))
    planned = [action for program, firing in found for action in plan(program, firing)]
    return [firing for _, firing in found], [a for a in planned if isinstance(a, ActionRequest)]


def by_id(firings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(firings, key=lambda body: str(body["id"]))

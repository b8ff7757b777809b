"""One rule test: what fires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from automations.engine import compile_rules, plan
from automations.engine.batch import Found, Input
from automations.engine.plan import Planned
from automations.engine.simulation import Simulation
from automations.errors import AutomationsError, JobVariableErrors
from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.rule_test import Down, EventOfTest, RuleTest
from automations.model.ruleset import RuleSet
from automations.rulefiles import LocatedTest

RunCheck = Callable[[ActionRequest], None]
"""Raises what a run of the request would be refused for: JobVariableErrors, PrepareError. The policy and the
schemas are the deployments', so whoever knows them hands it in.
"""


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing with its actions as a test compares them: `type` and the rendered fields, or `failed`: a code."""

    firing: Firing
    actions: Sequence[JsonObject]


@dataclass(slots=True)
class Outcome:
    """What came of a test. `suppressed` counts the firings that a throttle held back; `inputs` are the events,
    each with its trace.
    """

    test: RuleTest
    fired: list[Fired] = field(default_factory=list)
    suppressed: int = 0
    inputs: list[Input] = field(default_factory=list)


def run_test(located: LocatedTest, rules: RuleSet, check_run: RunCheck) -> Outcome:
    """Run a test on the automations of its file's folder and below, or on the one that it names."""
    test = located.test
    outcome = Outcome(test)
    simulation = Simulation(compile_rules(in_scope(located, rules)), test.start)
    clock = test.start
    for number, given in enumerate(test.events, start=1):
        if isinstance(given, Down):
            clock += given.down
            simulation.restart()
            _take(outcome, simulation.tick(clock, downtime=True), check_run)
            continue
        event = event_of(given, number, test.start)
        clock = max(clock, event.received)
        taken, found = simulation.feed(event)
        outcome.inputs.append(taken)
        _take(outcome, found, check_run)
    if test.until is not None:
        _take(outcome, simulation.tick(test.until.after(test.start)), check_run)
    return outcome


def in_scope(located: LocatedTest, rules: RuleSet) -> RuleSet:
    """The automations that a test is about."""
    folder = located.file.resolve().parent
    wanted = [rule for rule in rules if located.test.automation in (None, rule.name)]
    inside = [rule for rule in wanted if Path(rules.places[rule.name].file).resolve().is_relative_to(folder)]
    return RuleSet(tuple(inside), rules.revision, rules.places)


def event_of(given: EventOfTest, number: int, start: int) -> Event:
    """The event as the door would have accepted it."""
    occurred = given.at.after(start)
    return Event(
        source=given.source,
        id=given.id or str(number),
        name=given.event,
        occurred=occurred,
        received=occurred if given.received is None else given.received.after(start),
        resource=given.resource,
        related=given.related,
        payload=given.payload,
        follows=given.follows,
        hops=given.hops,
    )


def _take(outcome: Outcome, found: Sequence[Found], check_run: RunCheck) -> None:
    for program, firing in found:
        if firing.suppressed and firing.kind != "resolve":
            outcome.suppressed += 1
        else:
            actions = [_shown(planned, check_run) for planned in plan(program, firing)]
            outcome.fired.append(Fired(firing, actions))


def _shown(planned: Planned, check_run: RunCheck) -> JsonObject:
    if isinstance(planned, FailedAction):
        return {"type": planned.type, "failed": str(planned.code)}
    shown = planned.readable()
    if planned.type != "run-deployment":
        return shown
    try:
        check_run(planned)
    except JobVariableErrors as error:
        return {**shown, "failed": error.code if error.code == "policy" else "refused"}
    except AutomationsError:
        return {**shown, "failed": "refused"}
    return shown

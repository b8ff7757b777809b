"""Automations that lead back to themselves (rules.md section 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from automations.errors import Location, Problem
from automations.model.automation import Automation
from automations.rulefiles.causes import Cause, causes, causes_on_prefect
from automations.rulefiles.listeners import Caused, need_of


def lint_cycles(automations: Sequence[Automation], places: Mapping[str, Location]) -> Iterator[Problem]:
    """Report each cycle: an error, or a warning where it goes through the runs of a Prefect server."""
    strict = [automation for automation in automations if not automation.allow_cycle]
    told: set[str] = set()
    for cycle in _Living(strict).cycles():
        yield _leads_back(cycle, places)
        told |= {cause.automation for cause in cycle}
    for automation in strict:
        own = Caused(causes_on_prefect(automation))
        if automation.name not in told and need_of(automation.trigger, own).met_by({automation.name}):
            yield _may_lead_back(automation, places)


class _Living:
    """The automations that may yet be part of a cycle: all that they need to fire comes from living ones."""

    def __init__(self, automations: Sequence[Automation]) -> None:
        caused = Caused(cause for automation in automations for cause in causes(automation))
        self._needs = {automation.name: need_of(automation.trigger, caused) for automation in automations}
        self._living = set(self._needs)
        self._led: dict[str, set[str]] = defaultdict(set)  # who may have to go when one goes

    def cycles(self) -> Iterator[Sequence[Cause]]:
        """Yield cycles without a common member: the causes on the way, each one's event leading to the next."""
        self._judge(sorted(self._living))
        while self._living:
            cycle = self._cycle(min(self._living))
            yield cycle
            members = {cause.automation for cause in cycle}
            self._living -= members
            self._judge(led for member in members for led in self._led[member])

    def _judge(self, names: Iterable[str]) -> None:
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self._living:
                continue
            need = self._needs[name]
            if need.met_by(self._living):
                for cause in need.heard(self._living):
                    self._led[cause.automation].add(name)
            else:
                self._living.remove(name)
                waiting += self._led.pop(name, ())

    def _cycle(self, name: str) -> Sequence[Cause]:
        """Go back from effects to causes until an automation comes again."""
        passed: dict[str, Cause] = {}
        while name not in passed:
            passed[name] = next(self._needs[name].heard(self._living))
            name = passed[name].automation
        way = list(passed.values())[list(passed).index(name) :]
        return way[::-1]


def _leads_back(cycle: Sequence[Cause], places: Mapping[str, Location]) -> Problem:
    start = min(range(len(cycle)), key=lambda position: cycle[position].automation)
    ordered = [*cycle[start:], *cycle[:start]]
    steps = []
    for cause, after in zip(ordered, [*ordered[1:], None], strict=True):
        target = "back to it" if after is None else f"to {after.automation!r} ({places[after.automation]})"
        steps.append(f"{cause.automation!r} causes {str(cause.occasion.name)!r} events, which lead {target}")
    return Problem(
        "cycle",
        f"{'; '.join(steps)}, and no filter keeps them apart",
        places[ordered[0].automation],
        "filter, say by match_related: {id: '!automations.automation.NAME'} where runs follow runs, "
        "or write allow_cycle: true",
    )


def _may_lead_back(automation: Automation, places: Mapping[str, Location]) -> Problem:
    return Problem(
        "may-cycle",
        f"{automation.name!r} starts runs, and takes the states of runs of a Prefect server: its own among them",
        places[automation.name],
        "keep them apart by a filter, such as match_related: {id: '!prefect.deployment.ID'}, or allow_cycle: true",
        severity="warning",
    )

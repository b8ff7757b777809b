"""Rule files into a rule set: everything, or every problem of every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from automations.errors import Location, Problem, RuleFileErrors
from automations.model.automation import Automation
from automations.model.ruleset import RuleSet
from automations.rulefiles.conditions import lint_conditions
from automations.rulefiles.cycles import lint_cycles
from automations.rulefiles.document import Document
from automations.rulefiles.document import Path as Steps
from automations.rulefiles.files import read_file, rule_files
from automations.rulefiles.meaning import OnPrefectOnly, lint_meaning
from automations.rulefiles.prefect_exports import drop_exported
from automations.rulefiles.templates import lint_templates
from automations.rulefiles.validate import validate


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`ruleset` is None when there is an error; `problems` are in order of place, warnings among them."""

    ruleset: RuleSet | None
    problems: Sequence[Problem]


@dataclass(slots=True)
class _Collected:
    on_prefect_only: OnPrefectOnly
    automations: list[Automation] = field(default_factory=list)
    places: dict[str, Location] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_rules(
    path: str | Path, *, also: Iterable[Document] = (), on_prefect_only: OnPrefectOnly = "warn"
) -> RuleSet:
    """Load a folder of rule files (searched to its depth), or one file. RuleFileErrors has every problem.

    `also`: documents of automations that stand elsewhere. `on_prefect_only`: what to make of an action that only a
    Prefect server can carry out.
    """
    result = check_rules([Path(path)], also=also, on_prefect_only=on_prefect_only)
    if result.ruleset is None:
        raise RuleFileErrors(list(result.problems))
    return result.ruleset


def check_rules(
    paths: Sequence[Path], *, also: Iterable[Document] = (), on_prefect_only: OnPrefectOnly = "warn"
) -> CheckResult:
    """Read all files below the paths, and the documents of `also`; report all of their errors and warnings."""
    files, problems = rule_files(paths)
    collected = _Collected(on_prefect_only, problems=problems)
    for file in files:
        documents, unreadable = read_file(file)
        collected.problems += unreadable
        _take_documents(collected, documents)
    _take_documents(collected, also)
    collected.problems += lint_cycles(collected.automations, collected.places)
    # A part that several aliases use is written in one place: its problem is told once.
    found = dict.fromkeys(sorted(collected.problems, key=lambda problem: (problem.location, problem.code)))
    if any(problem.severity == "error" for problem in found):
        return CheckResult(None, list(found))
    automations = tuple(sorted(collected.automations, key=lambda automation: automation.name))
    return CheckResult(RuleSet(automations, _revision(automations), collected.places), list(found))


def _revision(automations: Sequence[Automation]) -> str:
    """A hash of what the rules say: comments, order and white space do not change it."""
    canonical = orjson.dumps(
        [automation.model_dump(mode="json") for automation in automations], option=orjson.OPT_SORT_KEYS
    )
    return blake2b(canonical, digest_size=6).hexdigest()


def _take_documents(collected: _Collected, documents: Iterable[Document]) -> None:
    for document in documents:
        for steps, rule in _rules(document, collected):
            _take_rule(collected, document, steps, rule)


def _rules(document: Document, collected: _Collected) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """The three forms: one mapping, a list, `{automations: [...]}`."""
    data: Any = document.data
    root: Steps = ()
    if isinstance(data, dict) and "automations" in data:
        collected.problems += _beside_the_list(document, data)
        data, root = data["automations"], ("automations",)
    listed = enumerate(data) if isinstance(data, list) else [(None, data)]
    for position, rule in listed:
        steps = root if position is None else (*root, position)
        if isinstance(rule, dict):
            yield steps, rule
        else:
            message = "an automation is a mapping with 'name', 'trigger' and 'actions'"
            collected.problems.append(Problem("wrong-type", message, document.location(steps)))


def _beside_the_list(document: Document, data: dict[str, Any]) -> Iterator[Problem]:
    for key in data:
        if key != "automations":
            message = f"{key!r} must not stand beside 'automations'"
            hint = "put it into one of the automations" if key in Automation.model_fields else "remove it"
            yield Problem("unknown-key", message, document.location((key,), key=True), hint)


def _take_rule(collected: _Collected, document: Document, steps: Steps, rule: dict[str, Any]) -> None:
    collected.problems += drop_exported(document, steps, rule)
    automation, problems = validate(document, Automation, steps)
    problems += lint_templates(document, steps, rule)
    problems += lint_conditions(document, steps, rule)
    if automation is not None:
        problems += lint_meaning(document, steps, automation, collected.on_prefect_only)
        _take_automation(collected, document, steps, automation, problems)
    collected.problems += problems


def _take_automation(
    collected: _Collected, document: Document, steps: Steps, automation: Automation, problems: Sequence[Problem]
) -> None:
    """Give the name to the first that has it; keep the automation when nothing is wrong with it."""
    where = document.location((*steps, "name"), key=True)
    if automation.name in collected.places:
        first = collected.places[automation.name]
        where = document.location(steps) if where == first else where  # an alias repeats the whole automation
        message = f"the name {automation.name!r} is taken: another automation has it at {first}"
        hint = "give each automation a name of its own"
        collected.problems.append(Problem("duplicate-name", message, where, hint))
        return
    collected.places[automation.name] = where
    if not any(problem.severity == "error" for problem in problems):
        collected.automations.append(automation)

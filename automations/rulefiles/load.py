"""Rule files into a rule set: everything, or every problem of every file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson

from automations.errors import Location, Problem, RuleFileErrors
from automations.model.automation import Automation
from automations.model.ruleset import RuleSet
from automations.rulefiles.lint import lint_templates, lint_trigger
from automations.rulefiles.reader import Document, read_yaml
from automations.rulefiles.reader import Path as Steps
from automations.rulefiles.supported import not_supported
from automations.rulefiles.validate import validate

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_OTHER_FILES: Final = frozenset({"sources.yaml", "deployments.yaml", "prefect.yaml"})


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`ruleset` is None when there is an error; `problems` are in order of place, warnings among them."""

    ruleset: RuleSet | None
    problems: Sequence[Problem]


@dataclass(slots=True)
class _Collected:
    automations: list[Automation] = field(default_factory=list)
    places: dict[str, Location] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_rules(path: str | Path) -> RuleSet:
    """Load a folder of rule files (searched to its depth), or one file. RuleFileErrors has every problem."""
    result = check_rules([Path(path)])
    if result.ruleset is None:
        raise RuleFileErrors(list(result.problems))
    return result.ruleset


def check_rules(paths: Sequence[Path]) -> CheckResult:
    """Read all files below the paths and report all of their errors and warnings."""
    collected = _Collected()
    for path in paths:
        _take_path(collected, path)
    problems = sorted(collected.problems, key=lambda problem: (problem.location, problem.code))
    if any(problem.severity == "error" for problem in problems):
        return CheckResult(None, problems)
    automations = tuple(sorted(collected.automations, key=lambda automation: automation.name))
    return CheckResult(RuleSet(automations, _revision(automations), collected.places), problems)


def _revision(automations: Sequence[Automation]) -> str:
    """A hash of what the rules say: comments, order and white space do not change it."""
    canonical = orjson.dumps(
        [automation.model_dump(mode="json") for automation in automations], option=orjson.OPT_SORT_KEYS
    )
    return blake2b(canonical, digest_size=6).hexdigest()


def _take_path(collected: _Collected, path: Path) -> None:
    if not path.exists():
        collected.problems.append(Problem("no-file", "there is no such file or folder", Location(str(path))))
        return
    files = list(_files(path)) if path.is_dir() else [path]
    if not files:
        message = "there are no rule files in this folder"
        collected.problems.append(Problem("no-rules", message, Location(str(path)), severity="warning"))
    for file in files:
        _take_file(collected, file)


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        named_so = file.suffix in _SUFFIXES and not file.stem.endswith("_test") and file.name not in _OTHER_FILES
        if named_so and file.is_file():
            yield file


def _take_file(collected: _Collected, file: Path) -> None:
    try:
        raw = file.read_bytes()
    except OSError as error:
        collected.problems.append(
            Problem("no-file", error.strerror or "the file cannot be read", Location(str(file)))
        )
        return
    documents, problems = read_yaml(raw, str(file))
    collected.problems += problems
    for document in documents:
        for steps, rule in _rules(document, collected):
            _take_rule(collected, document, steps, rule)


def _rules(document: Document, collected: _Collected) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """The three forms: one mapping, a list, `{automations: [...]}`."""
    data, root = document.data, ()
    if isinstance(data, dict) and set(data) == {"automations"}:
        data, root = data["automations"], ("automations",)  # type: ignore[assignment]
    listed = data if isinstance(data, list) else [data]
    for position, rule in enumerate(listed):
        steps: Steps = (*root, position) if isinstance(data, list) else root
        if isinstance(rule, dict):
            yield steps, rule
        else:
            message = "an automation is a mapping with 'name', 'trigger' and 'actions'"
            collected.problems.append(Problem("wrong-type", message, document.location(steps)))


def _take_rule(collected: _Collected, document: Document, steps: Steps, rule: dict[str, Any]) -> None:
    left_out = not_supported(document, steps, rule)
    automation, problems = validate(document, Automation, steps)
    # What is left out is no wrong value or unknown key, too: one mistake is one line.
    lines = {problem.location.line for problem in left_out}
    collected.problems += left_out
    collected.problems += [problem for problem in problems if problem.location.line not in lines]
    collected.problems += lint_templates(document, steps, rule)
    if automation is None or left_out:
        return
    collected.problems += lint_trigger(document, steps, automation)
    where = document.location((*steps, "name"), key=True)
    first = collected.places.setdefault(automation.name, where)
    if first != where:
        message = f"the name {automation.name!r} is taken: another automation has it at {first}"
        collected.problems.append(
            Problem("duplicate-name", message, where, "give each automation a name of its own")
        )
        return
    collected.automations.append(automation)

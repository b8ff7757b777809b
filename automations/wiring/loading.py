"""Rules, deployments and sources: read together, checked together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from automations.deploy import FileJobs, check_deployments, load_deployments, rule_problems
from automations.errors import (
    Problem,
    RuleFileErrors,
)
from automations.ingest import WebhookSource
from automations.model.action_document import SendNotification
from automations.model.automation import ActionList
from automations.model.job import JobFile
from automations.model.ruleset import RuleSet
from automations.rulefiles import check_rules, check_tests, load_rules, suggestion
from automations.settings import Settings
from automations.sources import load_sources


@dataclass(frozen=True, slots=True)
class Loaded:
    """One consistent reading of all files."""

    rules: RuleSet
    jobs: JobFile
    sources: Mapping[str, WebhookSource]


def load(settings: Settings) -> Loaded:
    """Read rules, deployments and sources; RuleFileErrors with every error of all of them."""
    problems: list[Problem] = []
    results: list[Any] = []
    for reading in (
        lambda: load_rules(settings.path("rules"), on_prefect_only="refuse"),
        lambda: load_jobs(settings.path("deployments")),
        lambda: load_sources(settings.path("sources"), os.environ),
    ):
        try:
            results.append(reading())
        except RuleFileErrors as errors:
            problems += errors.problems
    if problems:
        raise RuleFileErrors(problems)
    loaded = Loaded(*results)
    between = [*unknown_notifications(loaded.rules, settings), *rule_problems(loaded.rules, FileJobs(loaded.jobs))]
    if any(problem.severity == "error" for problem in between):
        raise RuleFileErrors(between)
    return loaded


def unknown_notifications(rules: RuleSet, settings: Settings) -> Iterator[Problem]:
    """A problem for each automation that tells somebody whom the settings do not know."""
    known = list(settings.notifications)
    for rule in rules:
        named = dict.fromkeys(
            name
            for actions in get_args(ActionList)
            for action in rule.actions_of(actions)
            if isinstance(action, SendNotification)
            for name in action.to
        )
        for name in named:
            if name not in known:
                hint = suggestion(name, known) or "declare [notifications.NAME] with a url in automations.toml"
                message = f"{rule.name!r} tells {name!r}, which is no notification of the settings"
                yield Problem("unknown-notification", message, rules.places[rule.name], hint)


def load_jobs(path: Path) -> JobFile:
    return load_deployments(path, os.environ) if path.exists() else JobFile()


def check(paths: Sequence[Path], settings: Settings) -> list[Problem]:
    """Return every problem of the rule files (default: the settings' folder), deployments and sources."""
    rules = list(paths) or [settings.path("rules")]
    checked = check_rules(rules)
    problems = [*checked.problems, *check_tests(rules).problems]
    if checked.ruleset is not None:
        problems += unknown_notifications(checked.ruleset, settings)
    deployments = settings.path("deployments")
    if deployments.exists():
        jobs = check_deployments(deployments, os.environ)
        problems += jobs.problems
        if checked.ruleset is not None and jobs.jobs is not None:
            problems += rule_problems(checked.ruleset, FileJobs(jobs.jobs))
    try:
        load_sources(settings.path("sources"), os.environ)
    except RuleFileErrors as errors:
        problems += errors.problems
    return sorted(problems, key=lambda problem: (problem.location, problem.code))

"""Rules, deployments and sources: read together, checked together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from automations.deploy import CheckedJobs, FileJobs, check_deployments, rule_problems, with_deployed
from automations.errors import (
    Location,
    Problem,
    RuleFileErrors,
)
from automations.model.action_document import SendNotification
from automations.model.automation import ActionList
from automations.model.job import JobFile
from automations.model.ruleset import RuleSet
from automations.ports import Deployed
from automations.rulefiles import check_rules, check_tests, suggestion
from automations.settings import Settings
from automations.sources import Sources, load_sources


@dataclass(frozen=True, slots=True)
class Loaded:
    """One consistent reading of all files, with what was deployed beside them. `warnings` do not hinder: what is
    wrong with a deployment that cannot be read any more is among them.
    """

    rules: RuleSet
    jobs: JobFile
    sources: Sources
    warnings: Sequence[Problem] = ()


def load(settings: Settings, deployed: Sequence[Deployed] = ()) -> Loaded:
    """Read rules, deployments and sources; RuleFileErrors with every error of all of them."""
    file = read_deployments(settings)
    everything = with_deployed(file, deployed)
    problems = [] if file.jobs is not None else [*file.problems]
    prefect = has_prefect_sink(settings)
    rules = check_rules(
        [settings.path("rules")], also=everything.automations, on_prefect_only="allow" if prefect else "refuse"
    )
    sources = Sources()
    problems += rules.problems if rules.ruleset is None else ()
    try:
        sources = load_sources(settings.path("sources"), os.environ)
        problems += kafka_without_address(sources, settings)
    except RuleFileErrors as errors:
        problems += errors.problems
    if problems or rules.ruleset is None or everything.jobs is None:
        raise RuleFileErrors(problems)
    between = [
        *unknown_notifications(rules.ruleset, settings),
        *rule_problems(rules.ruleset, FileJobs(everything.jobs), elsewhere=runs_elsewhere(settings)),
    ]
    if any(problem.severity == "error" for problem in between):
        raise RuleFileErrors(between)
    left_out = everything.problems[len(file.problems) :]
    return Loaded(rules.ruleset, everything.jobs, sources, [*left_out, *between])


def load_deployments(settings: Settings, deployed: Sequence[Deployed]) -> Loaded:
    """Read the deployments alone, as for a worker, which has its rules from Kafka; RuleFileErrors."""
    file = read_deployments(settings)
    everything = with_deployed(file, deployed)
    if file.jobs is None or everything.jobs is None:
        raise RuleFileErrors(list(file.problems))
    return Loaded(RuleSet(), everything.jobs, Sources(), everything.problems[len(file.problems) :])


def has_prefect_sink(settings: Settings) -> bool:
    """True when actions can go to a Prefect server."""
    return any(table.get("type") == "prefect" for table in settings.sinks.values())


def runs_elsewhere(settings: Settings) -> bool:
    """True when runs can start where deployments are that no file of ours tells of."""
    readers = [table for table in settings.sinks.values() if table.get("type") == "kafka"]
    return has_prefect_sink(settings) or any(
        "run-deployment" in table.get("actions", ["run-deployment"]) for table in readers
    )


def kafka_without_address(sources: Sources, settings: Settings) -> Iterator[Problem]:
    """A problem for each source of a Kafka that nobody has named."""
    if settings.kafka.bootstrap is None:
        for name in sources.kafka:
            hint = "set [kafka] bootstrap in automations.toml, or AUTOMATIONS_KAFKA_BOOTSTRAP"
            place = Location(str(settings.path("sources")))
            yield Problem("missing-setting", f"the source {name!r} needs the address of Kafka", place, hint)


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


def load_jobs(settings: Settings) -> JobFile:
    """Read the deployment file; RuleFileErrors with every problem of it."""
    checked = read_deployments(settings)
    if checked.jobs is None:
        raise RuleFileErrors(list(checked.problems))
    return checked.jobs


def read_deployments(settings: Settings) -> CheckedJobs:
    """Read the deployment file with all of its problems; nothing where there is none."""
    path = settings.path("deployments")
    return check_deployments(path, os.environ) if path.exists() else CheckedJobs(JobFile(), [])


def check(paths: Sequence[Path], settings: Settings) -> list[Problem]:
    """Return every problem of the rule files (default: the settings' folder), deployments and sources."""
    rules = list(paths) or [settings.path("rules")]
    deployments = read_deployments(settings)
    prefect = has_prefect_sink(settings)
    checked = check_rules(rules, also=deployments.automations, on_prefect_only="allow" if prefect else "warn")
    problems = [*checked.problems, *check_tests(rules).problems, *deployments.problems]
    if checked.ruleset is not None:
        problems += unknown_notifications(checked.ruleset, settings)
    declared = settings.path("deployments").exists()  # where nothing is declared, all may be elsewhere
    if declared and checked.ruleset is not None and deployments.jobs is not None:
        problems += rule_problems(checked.ruleset, FileJobs(deployments.jobs), elsewhere=runs_elsewhere(settings))
    try:
        problems += kafka_without_address(load_sources(settings.path("sources"), os.environ), settings)
    except RuleFileErrors as errors:
        problems += errors.problems
    return sorted(problems, key=lambda problem: (problem.location, problem.code))

"""Rules against the deployments that they run: what can never pass is told before an event comes (jobs.md 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

import orjson

from automations.deploy.jobs import FileJobs
from automations.errors import ConflictError, Location, NotFoundError, Problem
from automations.jobs import never_passes
from automations.model.action_document import RunDeployment
from automations.model.automation import ActionList, Automation
from automations.model.ruleset import RuleSet
from automations.templating import has_markup

_KIND: Final = "__prefect_kind"


def rule_problems(rules: RuleSet, jobs: FileJobs, *, elsewhere: bool = False) -> Iterator[Problem]:
    """Check every `run-deployment` of the rules. A deployment that nobody knows is a warning, as it may be
    deployed later; with `elsewhere`, other servers have deployments too, and it is none.
    """
    for rule in rules:
        for action in _runs(rule):
            yield from _checked(rules.places[rule.name], rule, action, jobs, elsewhere)


def _runs(rule: Automation) -> Iterator[RunDeployment]:
    for actions in get_args(ActionList):
        for action in rule.actions_of(actions):
            if isinstance(action, RunDeployment) and action.deployment is not None:
                yield action


def _checked(
    place: Location, rule: Automation, action: RunDeployment, jobs: FileJobs, elsewhere: bool
) -> Iterator[Problem]:
    try:
        deployment = jobs.deployment(action.target)
        pool = jobs.work_pool(deployment.work_pool)
    except (NotFoundError, ConflictError) as error:
        if not elsewhere:
            message = f"{rule.name!r} runs {action.target!r}: {error.message}"
            yield Problem("unknown-deployment", message, place, error.hint, severity="warning")
        return
    templated: list[str] = []
    written = _written(action.job_variables, "", templated)
    for finding in never_passes(pool, deployment, written, templated):
        code = "policy" if finding.code == "policy" else "job-variables"
        message = f"{rule.name!r} can never run {deployment.name!r}: {finding.name}: {finding.rule}"
        yield Problem(code, message, place)


def _written(value: Any, at: str, templated: list[str]) -> Any:
    """The value with Prefect's explicit forms read, and nothing where templates fill it: `templated` takes the
    JSON pointers of these.
    """
    if isinstance(value, dict) and value.get(_KIND) == "json":
        return orjson.loads(value["value"])
    if (isinstance(value, str) and has_markup(value)) or (isinstance(value, dict) and value.get(_KIND) == "jinja"):
        templated.append(at)
        return None
    if isinstance(value, dict):
        return {key: _written(item, f"{at}/{_escaped(key)}", templated) for key, item in value.items()}
    if isinstance(value, list):
        return [_written(item, f"{at}/{position}", templated) for position, item in enumerate(value)]
    return value


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

"""A deploy: from a deployment file on this machine to what an engine, or a Prefect server, is sent."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from automations.deploy import CheckedJobs, FileJobs, check_deployments, deploy_request, document_of
from automations.errors import AutomationsError, NotFoundError, Problem, RuleFileErrors, SettingsError
from automations.model.document import JsonObject
from automations.rulefiles import check_rules
from automations.sinks.prefect import PrefectSettings
from automations.sinks.prefect.deploying import PrefectDeploy
from automations.sources.secret import read_secret

_FILES: Final = ("prefect.yaml", "deployments.yaml")


@dataclass(frozen=True, slots=True)
class Deploy:
    """What is to be deployed: work pools of the file first, then deployments; each name → its document."""

    work_pools: dict[str, JsonObject]
    deployments: dict[str, JsonObject]
    warnings: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object."""

    kind: str
    name: str
    created: bool
    changed: Sequence[str] = ()
    warnings: Sequence[str] = ()


def deployment_file(given: Path | None) -> Path:
    """Return the file that was named, else the one in this folder. NotFoundError."""
    if given is not None:
        return given
    found = next((path for name in _FILES if (path := Path(name)).exists()), None)
    if found is None:
        raise NotFoundError(f"there is no {' or '.join(_FILES)} in this folder", hint="name one with --file")
    return found


def read_deploy(
    file: Path, names: Sequence[str], job_variables: JsonObject, *, elsewhere: Collection[str] = ()
) -> Deploy:
    """Read the file, fill in this machine's environment, choose the deployments (none named: all).

    `job_variables` are laid over those of each; `elsewhere` are work pools that the target has. RuleFileErrors
    with every problem of the file, its schedules and triggers; NotFoundError and ConflictError for a name.
    """
    checked = check_deployments(file, os.environ, elsewhere=elsewhere)
    rules = check_rules([], also=checked.automations)
    problems = sorted([*checked.problems, *rules.problems], key=lambda problem: (problem.location, problem.code))
    if checked.jobs is None or rules.ruleset is None:
        raise RuleFileErrors(problems)
    chosen = _chosen(checked, names)
    said_by = "automations deploy -jv"
    used = {FileJobs(checked.jobs).deployment(name).work_pool for name in chosen}
    own = {pool.name: document_of(pool) for pool in checked.jobs.work_pools if pool.location and pool.name in used}
    return Deploy(own, {name: deploy_request(checked, name, job_variables, said_by) for name in chosen}, problems)


def _chosen(checked: CheckedJobs, names: Sequence[str]) -> list[str]:
    assert checked.jobs is not None  # noqa: S101  an erroneous file was refused before
    jobs = FileJobs(checked.jobs)
    if names:
        return list(dict.fromkeys(jobs.deployment(name).name for name in names))
    if not checked.entries:
        raise AutomationsError("the file has no deployments", code="nothing-to-deploy")
    return list(checked.entries)


async def deploy_to_prefect(file: Path, names: Sequence[str], job_variables: JsonObject) -> AsyncIterator[Outcome]:
    """Deploy to the server of PREFECT_API_URL, and tell of each object as it is done. DeployErrors,
    PrefectUnavailableError, SettingsError, and as `read_deploy`.
    """
    try:
        settings = PrefectSettings()  # type: ignore[call-arg]  # the environment has it all
        target = PrefectDeploy(settings, lambda reference: read_secret(reference, Path(), os.environ))
    except ValidationError as error:
        raise SettingsError(error.errors(include_url=False)[0]["msg"]) from None
    try:
        read = read_deploy(file, names, job_variables, elsewhere=await target.work_pools())
        for name, document in read.work_pools.items():
            yield Outcome("work pool", name, await target.put_work_pool(name, document))
        for name, document in read.deployments.items():
            created, changed, warnings = await target.deploy(name, document)
            yield Outcome("deployment", name, created, changed, [*map(str, read.warnings), *warnings])
    finally:
        await target.close()

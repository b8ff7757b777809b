"""A deployment file into deployments and work pools: everything, or every problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from automations.deploy.document import (
    MEANINGLESS,
    NOT_SUPPORTED,
    DeploymentDocument,
    WorkPoolDocument,
    WorkPoolReference,
)
from automations.deploy.entrypoint import Entrypoint, inspect_entrypoint
from automations.deploy.policy import policy_problems
from automations.deploy.variables import fill_from_environment
from automations.errors import AutomationsError, Location, Problem, RuleFileErrors
from automations.jobs import deployment_problems, pool_variables, schema_problem
from automations.model.document import JsonObject
from automations.model.job import Deployment, JobFile, Layer, WorkPool
from automations.rulefiles import Document, read_yaml, suggestion, validate

Path_ = tuple[str | int, ...]

DEFAULT_POOL: Final = WorkPool("default", description="Runs on this machine")
"""There without being declared; a file may declare its own `default`."""

_SECTIONS: Final = ("deployments", "work_pools")
_OTHER_SECTIONS: Final = ("definitions",)


@dataclass(frozen=True, slots=True)
class CheckedJobs:
    """`jobs` is None when there is an error; `problems` are in order of place, warnings among them."""

    jobs: JobFile | None
    problems: Sequence[Problem]


def load_deployments(path: Path, environ: Mapping[str, str]) -> JobFile:
    """Read a deployment file; `environ` fills `{{ $NAME }}`. RuleFileErrors has every problem."""
    checked = check_deployments(path, environ)
    if checked.jobs is None:
        raise RuleFileErrors(list(checked.problems))
    return checked.jobs


def check_deployments(path: Path, environ: Mapping[str, str]) -> CheckedJobs:
    """Read a deployment file and report all of its errors and warnings."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        problem = Problem("no-file", error.strerror or "the file cannot be read", Location(str(path)))
        return CheckedJobs(None, [problem])
    documents, problems = read_yaml(raw, str(path))
    loader = _Loader(path.parent.resolve())
    for document in documents:
        filled, unset = fill_from_environment(document, environ)
        problems += unset
        loader.take(filled)
    problems = sorted([*problems, *loader.problems], key=lambda problem: (problem.location, problem.code))
    if any(problem.severity == "error" for problem in problems):
        return CheckedJobs(None, problems)
    return CheckedJobs(JobFile(tuple(loader.deployments.values()), tuple(loader.pools.values())), problems)

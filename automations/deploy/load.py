"""A deployment file into deployments and work pools: everything, or every problem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from automations.deploy.deployments import read_deployment
from automations.deploy.prefect_keys import SECTIONS, without_prefect_keys
from automations.deploy.pull import with_default_pull
from automations.deploy.timetable import automations_of
from automations.deploy.variables import fill_from_environment
from automations.deploy.work_pools import DEFAULT_POOL, read_work_pool
from automations.errors import Problem
from automations.model.job import Deployment, JobFile, WorkPool
from automations.rulefiles import Document, read_file, suggestion

Steps = tuple[str | int, ...]
T = TypeVar("T", Deployment, WorkPool)


@dataclass(frozen=True, slots=True)
class CheckedJobs:
    """`jobs` is None when there is an error; `problems` are in order of place, warnings among them. `automations`
    are the documents of the deployments' schedules and triggers, still to be checked as rules; `entries` tells by
    name where each deployment is written.
    """

    jobs: JobFile | None
    problems: Sequence[Problem]
    automations: Sequence[Document] = ()
    entries: Mapping[str, tuple[Document, Steps]] = field(default_factory=dict)


def check_deployments(path: Path, environ: Mapping[str, str], *, elsewhere: Collection[str] = ()) -> CheckedJobs:
    """Read a deployment file and report all of its errors and warnings. `environ` fills `{{ $NAME }}`; `elsewhere`
    are work pools that the file may name without declaring them.
    """
    documents, problems = read_sections(path, environ)
    automations: list[Document] = []
    entries: dict[str, tuple[Document, Steps]] = {}
    pools = {name: WorkPool(name, "elsewhere", allow_extra=True) for name in elsewhere} | _pools(
        documents, problems
    )

    def read(document: Document, at: Steps) -> tuple[Deployment | None, list[Problem]]:
        deployment, wrong = read_deployment(document, at, path.parent.resolve(), pools)
        if deployment is not None:
            entries.setdefault(deployment.name, (document, at))
            automations.extend(automations_of(document, at, deployment.name, wrong))
        return deployment, wrong

    deployments = _collected(documents, "deployments", read, problems)
    jobs = JobFile(tuple(deployments.values()), tuple(pool for pool in pools.values() if pool is not None))
    problems.sort(key=lambda problem: (problem.location, problem.code))
    failed = any(problem.severity == "error" for problem in problems)
    return CheckedJobs(None if failed else jobs, problems, automations, entries)


def read_sections(path: Path, environ: Mapping[str, str]) -> tuple[list[Document], list[Problem]]:
    """Return the documents of a deployment file with the environment filled in and the default pull steps in each
    deployment, and what is wrong so far.
    """
    documents, problems = read_file(path)
    found = []
    for document in documents:
        filled, unset = fill_from_environment(document, environ)
        section, left_out = without_prefect_keys(filled)
        problems += [*unset, *left_out, *_unknown_sections(section)]
        found.append(with_default_pull(section))
    return found, problems


def _unknown_sections(document: Document) -> list[Problem]:
    return [
        Problem(
            "unknown-key",
            f"{key!r} is not a deployment file field",
            document.location((key,), key=True),
            suggestion(key, list(SECTIONS)) or f"the fields are {', '.join(SECTIONS)}",
        )
        for key in document.data
        if key not in SECTIONS
    ]


def _pools(documents: Sequence[Document], problems: list[Problem]) -> dict[str, WorkPool | None]:
    """The work pools by name, None for one with problems of its own."""
    pools = _collected(documents, "work_pools", read_work_pool, problems)
    pools.setdefault(DEFAULT_POOL.name, DEFAULT_POOL)
    return {**{name: None for document in documents for name in _pool_names(document)}, **pools}


def _pool_names(document: Document) -> list[str]:
    entries = document.data.get("work_pools")
    listed = entries if isinstance(entries, list) else []
    return [str(entry.get("name")) for entry in listed if isinstance(entry, dict)]


def _collected(
    documents: Sequence[Document],
    section: str,
    read: Callable[[Document, Steps], tuple[T | None, list[Problem]]],
    problems: list[Problem],
) -> dict[str, T]:
    """Read each entry of one section of all documents; names are unique."""
    found: dict[str, T] = {}
    for document in documents:
        entries = document.data.get(section, [])
        if not isinstance(entries, list):
            message = f"{section!r} wants a list"
            problems.append(Problem("wrong-type", message, document.location((section,))))
            continue
        for position in range(len(entries)):
            entry, wrong = read(document, (section, position))
            problems += wrong
            if entry is not None and found.setdefault(entry.name, entry) is not entry:
                problems.append(_taken(document, (section, position), found[entry.name]))
    return found


def _taken(document: Document, path: Steps, first: Deployment | WorkPool) -> Problem:
    message = f"the name {first.name!r} is taken by another, at {first.location}"
    return Problem("duplicate-name", message, document.location((*path, "name")))

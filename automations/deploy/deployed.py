"""What was deployed to the engine, read again beside its own file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from automations.deploy.deployments import read_deployment
from automations.deploy.load import CheckedJobs
from automations.deploy.prefect_keys import deployment_entry
from automations.deploy.timetable import automations_of
from automations.deploy.work_pools import DEFAULT_POOL, read_work_pool
from automations.errors import Problem
from automations.model.document import JsonObject
from automations.model.job import Deployment, JobFile, WorkPool
from automations.ports import Deployed
from automations.rulefiles import Document

_OF_REQUEST: Final = ("directory", "location", "origins")


@dataclass(slots=True)
class _Reading:
    pools: dict[str, WorkPool]
    deployments: dict[str, Deployment]
    automations: list[Document]
    problems: list[Problem] = field(default_factory=list)


def with_deployed(file: CheckedJobs, rows: Sequence[Deployed]) -> CheckedJobs:
    """Return the file's jobs and the deployed ones; of one name the file's. One that cannot be read any more (its
    folder is gone, say) is left out, and its problems are among the problems.
    """
    jobs = file.jobs or JobFile()
    reading = _Reading(
        {DEFAULT_POOL.name: DEFAULT_POOL, **{pool.name: pool for pool in jobs.work_pools}},
        {found.name: found for found in jobs.deployments},
        [*file.automations],
    )
    there = [row for row in rows if row.origin == "deploy" and row.archived is None]
    for row in sorted(there, key=lambda row: row.kind, reverse=True):  # work pools first
        if row.kind == "work-pool":
            _take_work_pool(reading, row)
        elif row.name not in reading.deployments:
            _take_deployment(reading, row)
    everything = JobFile(tuple(reading.deployments.values()), tuple(reading.pools.values()))
    return replace(
        file, jobs=everything, problems=[*file.problems, *reading.problems], automations=reading.automations
    )


def _take_work_pool(reading: _Reading, row: Deployed) -> None:
    document = Document({**row.document, "name": row.name}, f"work pool {row.name}", {}, {})
    pool, problems = read_work_pool(document, ())
    reading.problems += problems
    known = reading.pools.get(row.name)
    if pool is not None and (
        known is None or known.location is None
    ):  # the file's outweighs, our default does not
        reading.pools[row.name] = replace(pool, origin="deploy", location=None)


def _take_deployment(reading: _Reading, row: Deployed) -> None:
    entry = {key: value for key, value in row.document.items() if key not in _OF_REQUEST}
    document = Document({**entry, "name": row.name}, f"deployment {row.name}", {}, {})
    document = replace(document, data=deployment_entry(document, document.data, (), []))
    directory = row.document.get("directory")
    deployment, problems = read_deployment(document, (), Path(directory) if directory else None, reading.pools)
    automations = [] if deployment is None else list(automations_of(document, (), deployment.name, problems))
    reading.problems += problems
    if deployment is not None and not problems:
        reading.deployments[row.name] = _placed(deployment, row.document)
        reading.automations += automations


def _placed(deployment: Deployment, document: JsonObject) -> Deployment:
    """Each job variable with its place on the machine that deployed."""
    where = document.get("location") or f"deployment {deployment.name}"
    layer = replace(deployment.job_variables, origin=where, origins=document.get("origins") or {})
    return replace(deployment, job_variables=layer, origin="deploy", location=None)


def deployment_changes(before: JsonObject, after: JsonObject) -> Iterator[str]:
    """Yield the keys that differ, dotted (`work_pool.job_variables.image`); places and origins aside."""
    known = [key for key in dict.fromkeys([*before, *after]) if key not in ("location", "origins")]
    for key in known:
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from (f"{key}.{below}" for below in deployment_changes(old, new))
        elif old != new:
            yield key


def document_of(found: Deployment | WorkPool) -> JsonObject:
    """Return what was read as an entry of a deployment file."""
    if isinstance(found, WorkPool):
        return {
            "type": found.type,
            "description": found.description,
            "base_job_template": {"variables": found.variables, "job_configuration": found.job_configuration},
            "merge": dict(found.merge),
            "allow_extra": found.allow_extra,
            "concurrency_limit": found.concurrency_limit,
            "on_unknown": found.on_unknown,
        }
    pool = {"name": found.work_pool, "job_variables": dict(found.job_variables.values)}
    return {
        "entrypoint": found.entrypoint,
        "description": found.description,
        "tags": list(found.tags),
        "version": found.version,
        "parameters": found.parameters,
        "work_pool": pool,
        "job_variable_policy": dict(found.job_variable_policy),
        "pull": list(found.pull),
        "directory": found.directory,
    }

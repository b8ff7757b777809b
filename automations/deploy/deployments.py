"""One entry of `deployments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automations.deploy.document import DeploymentDocument
from automations.deploy.entrypoint import Entrypoint, inspect_entrypoint, unseen_entrypoint
from automations.deploy.pull import read_pull
from automations.errors import AutomationsError, Location, Problem
from automations.jobs import deployment_problems, never_from_events, pool_variables, unknown_variable
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, WorkPool
from automations.rulefiles import Document, suggestion, validate

Steps = tuple[str | int, ...]


def read_deployment(
    document: Document, path: Steps, directory: Path | None, pools: Mapping[str, WorkPool | None]
) -> tuple[Deployment | None, list[Problem]]:
    """Return the deployment, or every problem of its entry with its place. `pools` are those of the whole file,
    None for one with problems of its own; entrypoints are relative to `directory`, None for one that is only there
    once its `pull` steps have fetched it.
    """
    written, problems = validate(document, DeploymentDocument, path)
    if written is None:
        return None, problems
    pull, problems = ((), []) if written.pull is None else read_pull(document, (*path, "pull"))
    entrypoint, missing = _entrypoint(document, path, written, directory, fetched=bool(pull))
    problems += missing
    pool = pools.get(written.work_pool.name)
    if written.work_pool.name not in pools:
        problems.append(_no_pool(document, path, written.work_pool.name, pools))
    if entrypoint is None or pool is None:
        return None, problems
    deployment = _deployment(document, path, written, directory, entrypoint, pull)
    problems += _name_problems(document, path, deployment)
    problems += _parameter_problems(document, path, deployment, entrypoint)
    problems += _variable_problems(document, path, deployment, pool)
    problems += _policy_problems(document, path, deployment, pool)
    return (None if problems else deployment), problems


def _entrypoint(
    document: Document, path: Steps, written: DeploymentDocument, directory: Path | None, *, fetched: bool
) -> tuple[Entrypoint | None, list[Problem]]:
    """What is `fetched` by a run need not be here: then the function's name tells all that can be told."""
    try:
        if directory is None and fetched:
            return unseen_entrypoint(written.entrypoint), []
        return inspect_entrypoint(written.entrypoint, directory or Path()), []
    except AutomationsError as error:
        if fetched and error.code == "no-file":
            return unseen_entrypoint(written.entrypoint), []
        where = document.location((*path, "entrypoint"))
        return None, [Problem(error.code, error.message, where, error.hint)]


def _deployment(
    document: Document,
    path: Steps,
    written: DeploymentDocument,
    directory: Path | None,
    entrypoint: Entrypoint,
    pull: tuple[JsonObject, ...],
) -> Deployment:
    flow, slash, short_name = written.name.partition("/")
    policy = {name: entry.model_dump(exclude_unset=True) for name, entry in written.job_variable_policy.items()}
    return Deployment(
        flow=flow if slash else entrypoint.flow,
        short_name=short_name if slash else written.name,
        entrypoint=written.entrypoint,
        work_pool=written.work_pool.name,
        directory="" if directory is None else str(directory),
        description=written.description,
        tags=written.tags,
        version=written.version,
        parameters=written.parameters,
        job_variables=_layer(document, (*path, "work_pool", "job_variables"), written.work_pool.job_variables),
        job_variable_policy=policy,
        pull=pull,
        work_queue_name=written.work_pool.work_queue_name,
        paused=written.paused,
        location=document.location(path),
    )


def _layer(document: Document, path: Steps, values: Mapping[str, Any]) -> Layer:
    """Every key with its place in the file."""
    origins = {pointer: str(document.location((*path, *steps), key=True)) for pointer, steps in _keys(values)}
    return Layer(values, origin=str(document.location(path)), origins=origins)


def _keys(values: Any, pointer: str = "", steps: Steps = ()) -> Iterator[tuple[str, Steps]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield at, (*steps, key)
            yield from _keys(value, at, (*steps, key))


def _no_pool(document: Document, path: Steps, name: str, pools: Mapping[str, WorkPool | None]) -> Problem:
    hint = suggestion(name, list(pools)) or f"declare it under 'work_pools', or use {', '.join(sorted(pools))}"
    where = document.location((*path, "work_pool", "name"))
    return Problem("unknown-work-pool", f"there is no work pool {name!r}", where, hint)


def _name_problems(document: Document, path: Steps, deployment: Deployment) -> Iterator[Problem]:
    if not deployment.flow or not deployment.short_name or "/" in deployment.short_name:
        where = document.location((*path, "name"))
        yield Problem("bad-name", f"{deployment.name!r} is no name of a deployment", where, "write 'flow/name'")


def _parameter_problems(
    document: Document, path: Steps, deployment: Deployment, entrypoint: Entrypoint
) -> Iterator[Problem]:
    if entrypoint.parameters is None:
        return
    for name in deployment.parameters:
        if name not in entrypoint.parameters:
            known = sorted(entrypoint.parameters)
            where = document.location((*path, "parameters", name), key=True)
            hint = suggestion(name, known) or f"it takes {', '.join(known) or 'none'}"
            yield Problem("unknown-parameter", f"{deployment.entrypoint} has no parameter {name!r}", where, hint)


def _variable_problems(
    document: Document, path: Steps, deployment: Deployment, pool: WorkPool
) -> Iterator[Problem]:
    places = _places(document, (*path, "work_pool", "job_variables"), deployment.job_variables)
    for finding in deployment_problems(pool, deployment):
        where = places.get(finding.origin, document.location(path))
        yield Problem("bad-job-variable", f"{finding.name}: {finding.rule}", where)


def _places(document: Document, path: Steps, layer: Layer) -> Mapping[str, Location]:
    located = [document.location((*path, *steps), key=True) for _, steps in _keys(layer.values)]
    return {str(where): where for where in [document.location(path), *located]}


def _policy_problems(document: Document, path: Steps, deployment: Deployment, pool: WorkPool) -> Iterator[Problem]:
    known = pool_variables(pool).get("properties", {})
    for key in deployment.job_variable_policy:
        where = document.location((*path, "job_variable_policy", key), key=True)
        variable, _, name = key.partition(".")
        if variable == "env" and never_from_events(name):
            message = f"no policy can open {key!r} to events: it changes how programs load or run"
            yield Problem("bad-policy", message, where, "remove it")
        elif variable not in known and not pool.allow_extra:
            yield Problem("bad-policy", f"{variable}: {unknown_variable(variable, known)}", where)

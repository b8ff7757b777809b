"""The one way in which a run is made: for an automation's action, and by hand."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from automations.errors import JobVariableErrors
from automations.jobs.effective import effective_job_variables
from automations.jobs.placeholders import fill, job_configuration
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, RunSpec, WorkPool

_SHORT_ID = 8


def build_run(
    pool: WorkPool,
    deployment: Deployment,
    run_layer: Layer,
    *,
    id: str,  # noqa: A002
    parameters: JsonObject,
    created_by: str,
    automation: str | None = None,
    firing: str | None = None,
    follows: str | None = None,
    hops: int = 0,
    tags: Iterable[str] = (),
    scheduled_for: int | None = None,
    idempotency_key: str | None = None,
) -> RunSpec:
    """Settle everything about a run that could still vary.

    `parameters` lie over the deployment's own, key by key at the top; `scheduled_for` is a moment, None for at
    once. The name is the deployment's short name with the beginning of `id`. Raises JobVariableErrors.
    """
    variables = effective_job_variables(pool, deployment, run_layer)
    name = f"{deployment.short_name}-{id[:_SHORT_ID]}"
    context = _context(pool, deployment, id, name)
    return RunSpec(
        id=id,
        name=name,
        deployment=deployment.name,
        work_pool=pool.name,
        parameters=_checked({**deployment.parameters, **parameters}),
        job_variables=variables.values,
        provenance=variables.provenance,
        job=fill(job_configuration(pool), variables.values, context),
        entrypoint=deployment.entrypoint,
        directory=deployment.directory,
        pull=deployment.pull,
        tags=tuple(dict.fromkeys((*deployment.tags, *tags))),
        scheduled_for=scheduled_for,
        created_by=created_by,
        idempotency_key=idempotency_key,
        automation=automation,
        firing=firing,
        follows=follows,
        hops=hops,
    )


def _context(pool: WorkPool, deployment: Deployment, run: str, name: str) -> JsonObject:
    """What `{{ ctx.flow_run.name }}` and its like may read in a template of a job."""
    return {
        "flow_run": {"id": run, "name": name},
        "flow": {"name": deployment.flow},
        "deployment": {"name": deployment.short_name},
        "work_pool": {"name": pool.name},
    }


def _checked(parameters: JsonObject) -> JsonObject:
    """Parameters go to the run as JSON: what JSON cannot carry fails here, and not in the store."""
    try:
        orjson.dumps(parameters)
    except TypeError as error:
        raise JobVariableErrors([f"the parameters are no JSON: {error}"]) from None
    return parameters

"""One entry of `work_pools`."""

from __future__ import annotations

from typing import Final

from automations.deploy.document import WorkPoolDocument
from automations.errors import Problem
from automations.jobs import schema_problem
from automations.model.job import WorkPool
from automations.rulefiles import Document, validate

Path = tuple[str | int, ...]

DEFAULT_POOL: Final = WorkPool("default", description="Runs on this machine")
"""There without being declared; a file may declare a `default` of its own."""


def read_work_pool(document: Document, path: Path) -> tuple[WorkPool | None, list[Problem]]:
    """Return the pool, or every problem of its entry with its place."""
    written, problems = validate(document, WorkPoolDocument, path)
    if written is None:
        return None, problems
    template = written.base_job_template
    wrong = schema_problem(template.variables)
    if wrong is not None:
        steps, reason = wrong
        where = document.location((*path, "base_job_template", "variables", *steps))
        return None, [Problem("bad-schema", f"'variables' is no JSON Schema: {reason}", where)]
    pool = WorkPool(
        name=written.name,
        type=written.type,
        description=written.description,
        variables=template.variables,
        job_configuration=template.job_configuration,
        merge=written.merge,
        allow_extra=written.allow_extra,
        concurrency_limit=written.concurrency_limit,
        on_unknown=written.on_unknown,
        paused=written.paused,
        location=document.location(path),
    )
    return pool, []

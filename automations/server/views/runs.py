"""Runs and their output."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from automations.model.job import LogLine, Run, RunState
from automations.model.moment import format_moment
from automations.server.views.pages import shown


class ProvenanceView(BaseModel):
    """Where one effective value came from."""

    layer: str
    origin: str
    template: str | None


class RunView(BaseModel):
    """A run. `job_variables` are the effective ones; `provenance` says where each came from, by JSON pointer."""

    id: str
    name: str
    deployment: str
    work_pool: str
    state: RunState
    message: str
    parameters: dict[str, Any]
    job_variables: dict[str, Any]
    provenance: dict[str, ProvenanceView]
    entrypoint: str
    tags: list[str]
    created: str
    scheduled_for: str | None
    started: str | None
    ended: str | None
    exit_code: int | None
    pid: int | None
    cancel_requested: bool
    created_by: str
    idempotency_key: str | None
    automation: str | None
    firing: str | None
    follows: str | None

    @classmethod
    def of(cls, run: Run) -> RunView:
        """Show a run."""
        spec = run.spec
        return cls(
            **{name: getattr(spec, name) for name in _SPEC_FIELDS},
            provenance={pointer: ProvenanceView(**p.to_dict()) for pointer, p in spec.provenance.items()},
            tags=list(spec.tags),
            scheduled_for=shown(spec.scheduled_for),
            state=run.state,
            message=run.message,
            created=format_moment(run.created),
            started=shown(run.started),
            ended=shown(run.ended),
            exit_code=run.exit_code,
            pid=run.pid,
            cancel_requested=run.cancel_requested,
        )


_SPEC_FIELDS = (
    "id",
    "name",
    "deployment",
    "work_pool",
    "parameters",
    "job_variables",
    "entrypoint",
    "created_by",
    "idempotency_key",
    "automation",
    "firing",
    "follows",
)


class LogLineView(BaseModel):
    """One line of a run's output. `number` counts up; hand in the last one as `after` to read on."""

    number: int
    at: str
    stream: str
    text: str

    @classmethod
    def of(cls, number: int, line: LogLine) -> LogLineView:
        """Show a line."""
        return cls(number=number, at=format_moment(line.at), stream=line.stream, text=line.text)


class RunCreatedView(BaseModel):
    """`created` is false when a run with the same idempotency key existed: then `id` is that run's."""

    id: str
    created: bool

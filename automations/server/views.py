"""What the API answers: stable JSON of each record. Times are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from automations.model.event import Event
from automations.model.firing import FiringKind
from automations.model.job import Deployment, LogLine, Run, RunState, WorkPool
from automations.model.moment import format_moment
from automations.ports import ActionRow, ApiKey, DeadLetter, StoredFiring

T = TypeVar("T")


class ListView(BaseModel, Generic[T]):
    """A page, newest first. `next` is the cursor of the page that follows, null at the end."""

    items: list[T]
    next: str | None = None


class EventView(BaseModel):
    """An event as stored."""

    source: str
    id: str
    event: str
    occurred: str
    received: str
    resource: dict[str, str]
    related: list[dict[str, str]]
    payload: dict[str, Any]
    follows: str | None
    hops: int

    @classmethod
    def of(cls, event: Event) -> EventView:
        """Show an event."""
        return cls(**event.to_dict())


class FindingView(BaseModel):
    """What became of an event at one part of a trigger; `condition` is the field that failed, if one did."""

    trigger: str
    reason: str
    text: str
    condition: str | None
    seen: str | None
    wanted: str | None


class ExplanationView(BaseModel):
    """What became of an event at one automation."""

    automation: str
    reason: str
    parts: list[FindingView]


class TraceView(BaseModel):
    """What became of an event at each automation."""

    event: str
    automations: list[ExplanationView]


class FiringView(BaseModel):
    """A firing. `event` and `events` are references, `source/id`; `at` is in event time."""

    id: str
    automation: str
    kind: FiringKind
    at: str
    stored: str
    labels: dict[str, str]
    event: str | None
    events: list[str]
    count: int
    truncated: bool
    reason: str
    suppressed: bool

    @classmethod
    def of(cls, stored: StoredFiring) -> FiringView:
        """Show a firing."""
        firing = stored.firing
        return cls(
            id=firing.id,
            automation=firing.automation,
            kind=firing.kind,
            at=format_moment(firing.at),
            stored=format_moment(stored.stored),
            labels=dict(firing.labels),
            event=firing.event.ref if firing.event else None,
            events=[event.ref for event in firing.events],
            count=firing.count,
            truncated=firing.truncated,
            reason=firing.reason.value,
            suppressed=firing.suppressed,
        )


class ActionView(BaseModel):
    """An action. `body` is what was rendered; `templates` tells which parts of it are the event's (JSON pointer →
    template). `next_attempt` is null once it is settled.
    """

    id: str
    type: str
    automation: str
    firing: str
    sink: str
    state: str
    created: str
    settled: str | None
    attempts: int
    next_attempt: str | None
    reference: str | None
    code: str | None
    error: str | None
    body: dict[str, Any] | None
    templates: dict[str, str]

    @classmethod
    def of(cls, row: ActionRow) -> ActionView:
        """Show an action; the prepared request is not shown, as a sink may have put secrets in."""
        request = row.request
        return cls(
            id=row.id,
            type=row.type,
            automation=row.automation,
            firing=row.firing,
            sink=row.sink,
            state=row.state,
            created=format_moment(row.created),
            settled=_moment(row.settled),
            attempts=row.attempts,
            next_attempt=format_moment(row.next_attempt) if row.state == "pending" else None,
            reference=row.reference,
            code=row.code,
            error=row.error,
            body=request.body if request else None,
            templates=dict(request.templates) if request else {},
        )


class DeadLetterView(BaseModel):
    """What could not be carried out. `kind` is `action` or `event`, `state` open, redriven or discarded."""

    id: str
    kind: str
    code: str
    reason: str
    created: str
    state: str
    automation: str | None
    event: str | None
    redriven_as: str | None
    action: ActionView | None

    @classmethod
    def of(cls, letter: DeadLetter) -> DeadLetterView:
        """Show a dead letter."""
        return cls(
            id=letter.id,
            kind=letter.kind,
            code=letter.code,
            reason=letter.reason,
            created=format_moment(letter.created),
            state=letter.state,
            automation=letter.automation,
            event=letter.event,
            redriven_as=letter.redriven_as,
            action=ActionView.of(letter.action) if letter.action else None,
        )


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
            scheduled_for=_moment(spec.scheduled_for),
            state=run.state,
            message=run.message,
            created=format_moment(run.created),
            started=_moment(run.started),
            ended=_moment(run.ended),
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


class DeploymentView(BaseModel):
    """A deployment. `job_variables` are as its file writes them; `location` is the place there."""

    name: str
    flow: str
    entrypoint: str
    work_pool: str
    description: str
    tags: list[str]
    version: str | None
    parameters: dict[str, Any]
    job_variables: dict[str, Any]
    job_variable_policy: dict[str, dict[str, Any]]
    paused: bool
    location: str | None

    @classmethod
    def of(cls, deployment: Deployment) -> DeploymentView:
        """Show a deployment."""
        return cls(
            name=deployment.name,
            flow=deployment.flow,
            entrypoint=deployment.entrypoint,
            work_pool=deployment.work_pool,
            description=deployment.description,
            tags=list(deployment.tags),
            version=deployment.version,
            parameters=deployment.parameters,
            job_variables=dict(deployment.job_variables.values),
            job_variable_policy=dict(deployment.job_variable_policy),
            paused=deployment.paused,
            location=str(deployment.location) if deployment.location else None,
        )


class WorkPoolView(BaseModel):
    """A work pool. `variables` is the JSON Schema of its job variables, with their defaults."""

    name: str
    type: str
    description: str
    concurrency_limit: int | None
    on_unknown: str
    allow_extra: bool
    variables: dict[str, Any]
    paused: bool
    location: str | None

    @classmethod
    def of(cls, pool: WorkPool) -> WorkPoolView:
        """Show a work pool."""
        return cls(
            name=pool.name,
            type=pool.type,
            description=pool.description,
            concurrency_limit=pool.concurrency_limit,
            on_unknown=pool.on_unknown,
            allow_extra=pool.allow_extra,
            variables=dict(pool.variables),
            paused=pool.paused,
            location=str(pool.location) if pool.location else None,
        )


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created: str
    revoked: str | None

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyView:
        """Show a key."""
        return cls(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            created=format_moment(key.created),
            revoked=_moment(key.revoked),
        )


class NewApiKeyView(ApiKeyView):
    """A key that was just made. `key` is shown this once."""

    key: str


class RunCreatedView(BaseModel):
    """`created` is false when a run with the same idempotency key existed: then `id` is that run's."""

    id: str
    created: bool


class RedrivenView(BaseModel):
    """`action` is the id of the action that was planned anew."""

    action: str


class EventCounts(BaseModel):
    """Always accepted = processed + pending."""

    accepted: int
    processed: int
    pending: int


class ActionCounts(BaseModel):
    """Always planned = delivered + dead + pending."""

    planned: int
    delivered: int
    dead: int
    pending: int


class FiringCounts(BaseModel):
    """What guards held back is counted apart."""

    fired: int
    suppressed: int


class RulesView(BaseModel):
    """`errors` are the problems of files that were not taken; then `revision` is the last good one."""

    loaded: int
    errors: list[str]


class SinkView(BaseModel):
    """Actions that wait for a sink, and what went wrong there last."""

    pending: int
    last_error: str | None = Field(default=None)
    at: str | None = Field(default=None)


class StatusView(BaseModel):
    """The ledger and what is in force."""

    events: EventCounts
    actions: ActionCounts
    firings: FiringCounts
    duplicates: int
    backlog_bytes: int
    revision: str
    rules: RulesView
    sinks: dict[str, SinkView]


def _moment(moment: int | None) -> str | None:
    return None if moment is None else format_moment(moment)

"""Events, firings, actions, dead letters."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from automations.model.event import Event
from automations.model.firing import FiringKind
from automations.model.moment import format_moment
from automations.ports import ActionRow, DeadLetter, StoredFiring
from automations.server.views.pages import shown


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
            settled=shown(row.settled),
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


class RedrivenView(BaseModel):
    """`action` is the id of the action that was planned anew, null where an event was sent again."""

    action: str | None

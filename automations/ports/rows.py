"""What the store hands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from automations.model.action import ActionRequest, ActionState
    from automations.model.document import JsonObject
    from automations.model.firing import Firing
    from automations.model.job import Origin
    from automations.ports.jobs import DeployedKind


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action in the outbox. Exactly one of `request` and `failure` tells what was planned."""

    id: str
    sink: str
    state: ActionState
    type: str
    automation: str
    firing: str
    created: int
    attempts: int = 0
    next_attempt: int = 0
    request: ActionRequest | None = None
    prepared: JsonObject | None = None
    reference: str | None = None
    code: str | None = None
    error: str | None = None
    settled: int | None = None


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What became of an action, as a read model is told it. `at` is a moment."""

    action: str
    sink: str
    state: Literal["delivered", "dead"]
    at: int
    attempts: int
    reference: str | None = None
    code: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be carried out. `kind` is `action` or `event` (an event that broke the evaluation)."""

    id: str
    kind: str
    code: str
    reason: str
    created: int
    automation: str | None = None
    event: str | None = None
    action: ActionRow | None = None
    state: str = "open"  # open | redriven | discarded
    redriven_as: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as kept: the hash of its secret, never the secret."""

    id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    created: int
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts since the store was made. Always accepted = processed + pending (events) and
    planned = delivered + dead + pending (actions).
    """

    accepted: int = 0
    processed: int = 0
    duplicates: int = 0
    planned: int = 0
    delivered: int = 0
    dead: int = 0
    fired: int = 0
    suppressed: int = 0
    backlog_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StoredFiring:
    """A firing with the moment it was stored. `complete`: all of its events are still stored."""

    firing: Firing
    stored: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, newest first. `next` is an opaque cursor, None at the end."""

    items: Sequence[Any]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class SourceCursor:
    """How far a source that fetches its events has read. Two moments on the clock of where it reads: it asks for
    nothing that occurred before `began`, and has read what had come to be stored up to `position`.
    """

    began: int
    position: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment or a work pool as it was deployed: `document` is its entry in the form of a deployment file.
    `at` and `archived` are moments; what is archived is there no more, and only its runs remember it.
    """

    kind: DeployedKind
    name: str
    origin: Origin
    document: JsonObject
    by: str
    at: int
    archived: int | None = None

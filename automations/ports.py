"""The ports: what the runtime needs from the outside, and what adapters implement.

All transactions are synchronous and short: they run one after another inside the store's group commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from automations.model.job import Deployment, LogLine, Run, RunSpec, RunState, WorkPool

if TYPE_CHECKING:
    from automations.model.action import ActionRequest, ActionState, FailedAction
    from automations.model.document import JsonObject
    from automations.model.event import Event
    from automations.model.firing import Firing
    from automations.model.reason import Reason

T = TypeVar("T")

CellKey = tuple[str, str]
"""(automation, group as compact JSON text)."""


class Clock(Protocol):
    """Where the runtime reads time; tests hand in a manual one."""

    def now(self) -> int:
        """Return the wall clock, a moment in microseconds."""
        ...


# --- sinks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered. `run`, when given, is committed as Scheduled in the transaction that settles the action."""

    reference: str = ""
    run: RunSpec | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `after` is what the peer asked for, in microseconds (`Retry-After`), or None for the backoff."""

    reason: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """Never. `code` is stable, `reason` is for people."""

    code: str
    reason: str


Delivery = Done | Retry | Dead


class Sink(Protocol):
    """Where actions go. `prepare` settles everything that could still vary; `deliver` sends exactly that.

    The contract, proven by `tests/contract`: `prepare` raises `PrepareError` or `JobVariableErrors` for good;
    `deliver` raises nothing: it returns. Two deliveries of one prepared request have one effect where the
    peer honours a key; the request's id is that key everywhere.
    """

    action_types: frozenset[str]
    local: bool
    """True when `deliver` has no effect outside: all that it leads to is the run it returns, which is committed
    with the outcome. Then the prepared request needs no commit of its own before.
    """

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Return the request as it will be sent: plain JSON, stored before it is sent."""
        ...

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Send it, once."""
        ...

    async def close(self) -> None:
        """Let go of connections. In-flight deliveries have ended."""
        ...


PausableKind = Literal["automation", "deployment", "work-pool"]


class Jobs(Protocol):
    """The deployments and work pools known now."""

    def deployment(self, name: str) -> Deployment:
        """Find by `flow/name`, or by `name` while it is unique; NotFoundError suggests."""
        ...

    def work_pool(self, name: str) -> WorkPool:
        """Find a pool; NotFoundError suggests."""
        ...

    def deployments(self) -> Sequence[Deployment]:
        """Return all, by name."""
        ...

    def work_pools(self) -> Sequence[WorkPool]:
        """Return all, by name."""
        ...


class PausableJobs(Jobs, Protocol):
    """Deployments and work pools that can be paused."""

    def set_pauses(self, pauses: Mapping[tuple[PausableKind, str], bool]) -> None:
        """Show these deployments and work pools as paused or not, whatever their file says."""
        ...


# --- the store -----------------------------------------------------------------------------------------------


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


class Transaction(Protocol):
    """Everything that is written. Used inside `Store.write` only, never kept."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called on the event loop once all of this is durable; never, if it is undone."""
        ...

    # events
    def known_events(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those (source, id) that are stored already."""
        ...

    def add_events(self, events: Sequence[Event], bodies: Sequence[bytes], traces: Sequence[bytes | None]) -> None:
        """Store accepted events (`bodies` are their canonical JSON, `traces` the JSON of what they reached);
        counts accepted and processed.
        """
        ...

    def count_duplicates(self, number: int) -> None:
        """Add to the ledger's duplicates."""
        ...

    # cells
    def load_cells(self, keys: Sequence[CellKey]) -> Mapping[CellKey, bytes]:
        """Return the stored states of those cells that exist."""
        ...

    def save_cells(self, cells: Mapping[CellKey, tuple[bytes | None, int | None]], now: int) -> None:
        """Store (state, deadline or None) per cell; a state of None forgets the cell."""
        ...

    def due_cells(self, moment: int, limit: int) -> Sequence[tuple[int, CellKey]]:
        """Return (deadline, key) of the cells that are due at `moment`, the earliest first."""
        ...

    def next_deadline(self) -> int | None:
        """Return the earliest deadline of all cells."""
        ...

    def automations_with_cells(self) -> set[str]:
        """Return the names of the automations that have state."""
        ...

    def forget_cells(self, automation: str) -> None:
        """Forget all state of an automation."""
        ...

    # firings and actions
    def add_firings(self, firings: Sequence[Firing], now: int) -> set[str]:
        """Store firings; returns the ids that were new (a known id is left as it is and not counted)."""
        ...

    def add_actions(self, actions: Sequence[tuple[ActionRequest | FailedAction, str]], now: int) -> None:
        """Store (action, sink name) pairs: requests as pending, failures as dead with a dead letter."""
        ...

    def due_actions(self, sink: str, now: int, limit: int, exclude: Iterable[str]) -> Sequence[ActionRow]:
        """Return pending actions of a sink whose next attempt is due, oldest first, but for `exclude`."""
        ...

    def store_prepared(self, action: str, prepared: JsonObject) -> None:
        """Keep the prepared request before it is sent."""
        ...

    def action_delivered(self, action: str, reference: str, now: int) -> None:
        """Settle as delivered."""
        ...

    def action_retry(self, action: str, error: str, next_attempt: int) -> None:
        """Count an attempt and set the moment of the next one."""
        ...

    def action_dead(self, action: str, code: str, reason: str, now: int) -> None:
        """Settle as dead and make the dead letter (its id is the action's id)."""
        ...

    def add_dead_event(self, event: Event, code: str, reason: str, now: int) -> None:
        """Record an event whose evaluation failed; the dead letter's id is `event.ref`."""
        ...

    def redrive(self, dead_letter: str, new_action: ActionRequest, sink: str, now: int) -> None:
        """Mark an open action dead letter as redriven and plan `new_action`; ConflictError when not open."""
        ...

    def discard(self, dead_letter: str) -> None:
        """Mark an open dead letter as discarded; ConflictError when it is not open."""
        ...

    # runs
    def add_run(self, spec: RunSpec, now: int) -> bool:
        """Store a run as Scheduled; False when its id, or its idempotency key for that deployment, exists."""
        ...

    def run_by_key(self, deployment: str, idempotency_key: str) -> str | None:
        """Return the id of the run that was made with this key."""
        ...

    def claim_runs(self, work_pool: str, now: int, limit: int) -> Sequence[Run]:
        """Move due Scheduled runs to Pending, oldest first, and return them."""
        ...

    def set_run_state(
        self,
        run: str,
        state: RunState,
        now: int,
        *,
        message: str = "",
        exit_code: int | None = None,
        pid: int | None = None,
    ) -> Run:
        """Change the state (sets started at Running, ended at a terminal one) and return the run as it is now;
        ConflictError when the run has ended.
        """
        ...

    def request_cancel(self, run: str) -> Run:
        """Mark a run that has not ended for cancelling; ConflictError when it has ended."""
        ...

    def unfinished_runs(self) -> Sequence[Run]:
        """Return runs in Pending or Running: after a start, those whose fate is unknown."""
        ...

    def add_logs(self, lines: Sequence[LogLine]) -> None:
        """Append output."""
        ...

    # the rest
    def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Remember that an object is paused, or that it is not, whatever its file says."""
        ...

    def add_api_key(self, key: ApiKey) -> None:
        """Store a key."""
        ...

    def revoke_api_key(self, key_id: str, now: int) -> None:
        """Revoke by id or name; NotFoundError."""
        ...


class Reads(Protocol):
    """Everything that is read outside of a transaction. Filters that are None do not filter."""

    async def event(self, ref: str) -> Event:
        """Find by `source/id`, or by a bare id while it is unique; NotFoundError, ConflictError."""
        ...

    async def trace(self, event: Event) -> Sequence[JsonObject]:
        """Return what became of a stored event at each trigger that it reached."""
        ...

    async def events(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        name: str | None = None,
        resource: str | None = None,
    ) -> Page:
        """Page of Event. `name` may hold `*`."""
        ...

    async def firings(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        automation: str | None = None,
        event: str | None = None,
    ) -> Page:
        """Page of StoredFiring."""
        ...

    async def firing(self, firing: str) -> StoredFiring:
        """Find by id; NotFoundError."""
        ...

    async def actions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        automation: str | None = None,
        firing: str | None = None,
    ) -> Page:
        """Page of ActionRow."""
        ...

    async def dead_letters(
        self, *, limit: int = 50, cursor: str | None = None, state: str | None = "open"
    ) -> Page:
        """Page of DeadLetter."""
        ...

    async def dead_letter(self, dead_letter: str) -> DeadLetter:
        """Find one; NotFoundError."""
        ...

    async def runs(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        deployment: str | None = None,
        automation: str | None = None,
    ) -> Page:
        """Page of Run."""
        ...

    async def run(self, run: str) -> Run:
        """Find by id, by a unique prefix of at least 6 characters, or by name; NotFoundError, ConflictError."""
        ...

    async def logs(self, run: str, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, LogLine]]:
        """Return (number, line) pairs with a number above `after`, in order."""
        ...

    async def ledger(self) -> Ledger:
        """Return the counts, all from one snapshot."""
        ...

    async def sink_errors(self) -> Mapping[str, JsonObject]:
        """Return sink → {"pending", "last_error", "at"}."""
        ...

    async def pauses(self) -> Mapping[tuple[PausableKind, str], bool]:
        """Return what was paused (True) or resumed (False) by hand or by a rule."""
        ...

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, revoked ones too."""
        ...


class Store(Protocol):
    """Durable state: one writer with group commit, and readers beside it."""

    @property
    def reads(self) -> Reads:
        """The reading side."""
        ...

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """Run `operation` in the next group's transaction; returns once that is durable.

        An operation that raises is rolled back alone; its neighbours go on. StoreUnavailableError when the
        group could not be committed: then nothing of it was kept.
        """
        ...

    async def close(self) -> None:
        """Commit what waits, checkpoint, close."""
        ...


# --- what the server and the pool may ask of the engine ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The door's answer, once durable: one entry per event handed in; True where it was a duplicate."""

    duplicates: Sequence[bool]


@dataclass(frozen=True, slots=True)
class RulesStatus:
    """`errors` are the problems of the files that were not taken, as text; then `revision` is the last good.
    `outcomes`: what became of events at the triggers that they reached, since the start.
    """

    revision: str
    automations: int
    loaded: int
    errors: Sequence[str] = ()
    outcomes: Mapping[Reason, int] = field(default_factory=dict)


class Engine(Protocol):
    """The running engine, as its adapters see it."""

    async def accept(self, events: Sequence[Event]) -> Accepted:
        """Process and store events; returns when durable. StoreUnavailableError, Refused (429 over bounds)."""
        ...

    def rules_status(self) -> RulesStatus:
        """Tell which rules are in force."""
        ...

    def explain(self, event: Event, trace: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """Tell for each automation what became of a stored event: as `trace` recorded it, or worked out again."""
        ...

    def messages(self) -> AsyncIterator[JsonObject]:
        """Yield what happens from now on: {"type": "event" | "firing" | "lost", ...}."""
        ...

    def automations(self) -> Sequence[JsonObject]:
        """Return every automation: its document, `paused`, `location`, `stateless`."""
        ...

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume an object; NotFoundError suggests, ConflictError where several have the name."""
        ...

    async def redrive(self, dead_letter: str) -> str:
        """Plan a dead action again under a new id, which is returned."""
        ...

    async def create_run(
        self,
        deployment: str,
        *,
        parameters: JsonObject,
        job_variables: JsonObject,
        idempotency_key: str | None,
        created_by: str,
    ) -> tuple[str, bool]:
        """Make a run by hand; returns (run id, True when it was made just now). JobVariableErrors."""
        ...

    async def cancel_run(self, run: str) -> Run:
        """Cancel; ConflictError when it has ended."""
        ...


StateChange = Callable[[Transaction], Run]


class RunRecorder(Protocol):
    """How the process pool changes a run: the state and its event are stored in one transaction."""

    def __call__(self, change: StateChange) -> Awaitable[Run]:
        """Apply the change, and process the event `automations.run.<State>` that it causes."""
        ...

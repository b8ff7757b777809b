"""The store: transactions that write, reads beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from automations.model.job import LogLine, Run, RunSpec, RunState

if TYPE_CHECKING:
    from automations.model.action import ActionRequest, FailedAction
    from automations.model.document import JsonObject
    from automations.model.event import Event
    from automations.model.firing import Firing
from automations.engine import CellKey
from automations.ports.jobs import PausableKind
from automations.ports.rows import (
    ActionOutcome,
    ActionRow,
    ApiKey,
    DeadLetter,
    Deployed,
    Ledger,
    Page,
    SourceCursor,
    StoredFiring,
)

T = TypeVar("T")


class Transaction(Protocol):
    """Everything that is written. Used inside `Store.write` only, never kept."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called on the event loop once all of this is durable; never, if it is undone."""
        ...

    def after_rollback(self, callback: Callable[[], None]) -> None:
        """Have `callback` called on the event loop if this is undone, by its own failure or with its group, before
        any further operation runs. The last one given is called first.
        """
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

    def first_events(self, limit: int) -> Sequence[Event]:
        """Return the events that were stored first."""
        ...

    def forget_events(self, keys: Sequence[tuple[str, str]]) -> None:
        """Forget events: they are kept elsewhere."""
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

    def settled_actions(self, actions: Sequence[str]) -> Sequence[ActionRow]:
        """Return those of the actions that are not pending any more."""
        ...

    def forget_actions(self, actions: Sequence[str]) -> None:
        """Forget those of the actions that are pending, as if they had never been planned."""
        ...

    def forget_actions_of(self, sinks: Collection[str]) -> None:
        """Forget all that is pending for these sinks, as if it had never been planned."""
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

    # the wall clock
    def clock_seen(self, now: int) -> None:
        """Remember where the wall clock stands."""
        ...

    def clock_set_back(self, step: int, now: int) -> int:
        """Take the clock's step back out of all that waits: pending actions and scheduled runs. What was due
        before the step is due at `now`. Remembers where the clock stands; returns how many rows moved.
        """
        ...

    # a read model of a cluster: all of it is idempotent towards the log that it comes from
    def read_from(self, origin: str) -> Mapping[tuple[str, int], int]:
        """Return the positions, by topic and partition, of what was read from this origin. What came from another
        one is forgotten.
        """
        ...

    def read_model_origin(self) -> str | None:
        """Return what this is a read model of; None for a store of an engine's own."""
        ...

    def forget_read_model(self) -> None:
        """Forget all that was read: it is to be read again."""
        ...

    def advance(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Remember where to read on."""
        ...

    def add_waiting_events(self, events: Sequence[tuple[Event, bytes, tuple[int, int]]]) -> Sequence[Event]:
        """Store accepted events, each with its canonical JSON and its place (partition, offset), as not processed
        yet. Returns those that are new; the others are counted as duplicates.
        """
        ...

    def events_processed(self, before: Mapping[int, int]) -> None:
        """Count the events that stand before these offsets, by partition, as processed."""
        ...

    def add_traces(self, traces: Sequence[tuple[tuple[str, str], Sequence[JsonObject]]], now: int) -> None:
        """Store what became of events, by (source, id)."""
        ...

    def add_firing_documents(self, firings: Sequence[JsonObject], now: int) -> set[str]:
        """Store what `Firing.to_dict` returned; returns the ids that were new."""
        ...

    def add_planned(self, actions: Sequence[ActionRequest | FailedAction], now: int) -> None:
        """Store actions: requests as pending, for a sink that is known once they are settled, failures as dead.
        Their letters come by themselves.
        """
        ...

    def settle_action(self, outcome: ActionOutcome) -> None:
        """Record what became of a pending action."""
        ...

    def add_letter(self, letter: DeadLetter, action: str | None) -> None:
        """Store a dead letter, open; `action` is the id of the action that it is about."""
        ...

    def close_letter(self, letter: str, state: str, redriven_as: str | None) -> None:
        """Record what was decided about a letter."""
        ...

    def forget_letters(self, before: Mapping[int, int]) -> None:
        """Forget the letters that stand before these offsets, by partition: their topic has, too."""
        ...

    # the rest
    def advance_source(self, source: str, cursor: SourceCursor) -> None:
        """Remember how far a source has read. It never goes back, and where it began never changes."""
        ...

    def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Remember that an object is paused, or that it is not, whatever its file says."""
        ...

    def put_deployed(self, rows: Sequence[Deployed]) -> None:
        """Store these, each in place of one of its kind and name."""
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

    async def deployed(self) -> Sequence[Deployed]:
        """Return all that was deployed, what was archived too, by kind and name."""
        ...

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, revoked ones too."""
        ...

    async def source_cursor(self, source: str) -> SourceCursor | None:
        """Return how far a source has read; None for one that never did."""
        ...

    async def last_clock(self) -> int | None:
        """Return where the wall clock stood when it was last remembered; None in a new store."""
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

"""The embedded engine: one process, one writer, events and all that follows from them in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson
import structlog

from automations.engine import Index, StateBounds, compile_rules, plan
from automations.engine.explain import explain_stored
from automations.engine.identity import redriven_id
from automations.errors import ConflictError, NotFoundError, Refused
from automations.jobs import build_run
from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.job import Layer, Run, RunSpec, RunState
from automations.model.moment import SECOND
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet
from automations.ports import (
    Accepted,
    Clock,
    PausableJobs,
    PausableKind,
    RulesStatus,
    StateChange,
    Store,
    Transaction,
)
from automations.runtime.in_force import described, require_automation
from automations.runtime.processor import Processor
from automations.runtime.run_events import run_event

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may wait at once before the door refuses: events in memory, actions in the outbox, bytes of both."""

    events: int = 100_000
    bytes: int = 1 << 30
    actions: int = 100_000


class EmbeddedEngine:
    """Implements `ports.Engine` on a store. All state changes run inside `Store.write`, one after another."""

    def __init__(
        self,
        store: Store,
        jobs: PausableJobs,
        clock: Clock,
        *,
        sink_of: Mapping[str, str],
        bounds: Bounds | None = None,
        state_bounds: StateBounds | None = None,
    ) -> None:
        self._store, self._jobs, self._clock = store, jobs, clock
        self._sink_of = sink_of
        self.processor = Processor(clock, sink_of, state_bounds or StateBounds())
        self._on_actions: Callable[[], None] = lambda: None
        self._on_runs: Callable[[], None] = lambda: None
        self._on_cancel: Callable[[str], object] = lambda _run: None
        self._bounds = bounds or Bounds()
        self._rule_errors: Sequence[str] = ()
        self._pauses: dict[tuple[PausableKind, str], bool] = {}
        self._behind: set[str] = set()
        self._downtime = True
        self._waiting_events = 0
        self._waiting_bytes = 0
        self.pending_actions = self.pending_bytes = 0
        """The outbox's length and size as last seen; the runtime refreshes them."""

    def connect(
        self, *, on_actions: Callable[[], None], on_runs: Callable[[], None], on_cancel: Callable[[str], object]
    ) -> None:
        """Say whom to wake once actions, runs or a cancellation are durable."""
        self._on_actions, self._on_runs, self._on_cancel = on_actions, on_runs, on_cancel

    # --- rules ---------------------------------------------------------------------------------------------

    @property
    def _index(self) -> Index:
        return self.processor.index

    async def start(self, rules: RuleSet) -> None:
        """Take up what an earlier life left behind: what came due meanwhile is judged before anything new."""
        self._pauses = dict(await self._store.reads.pauses())
        self._jobs.set_pauses(self._pauses)
        paused = {name for (kind, name), paused in self._pauses.items() if kind == "automation" and paused}
        self.processor.paused = frozenset(paused)
        await self._use(compile_rules(rules))
        await self.tick()

    async def use_rules(self, rules: RuleSet) -> None:
        """Swap the rule set at once: every event sees one revision."""
        await self._use(compile_rules(rules))
        self._rule_errors = ()

    async def _use(self, index: Index) -> None:
        await self._store.write(lambda tx: self.processor.adopt(tx, index, self.processor.paused))
        log.info("rules_loaded", revision=index.rules.revision, automations=len(index.rules))

    async def tick(self) -> int | None:
        """Let time pass in what waits for it; returns the next deadline. What was received before now stands
        before it in the store's queue, so no tick overtakes an event; while a source is behind there is none.
        """
        now = self._clock.now()
        while self._downtime and not self._behind:
            due = await self._tick(now, downtime=True)
            self._downtime = due is not None and due <= now
        return now + SECOND if self._behind else await self._tick(now)

    async def _tick(self, now: int, *, downtime: bool = False) -> int | None:
        acted, due = await self._store.write(lambda tx: self.processor.tick(tx, now, downtime=downtime))
        if acted:
            self._on_actions()
        return due

    def hold_time(self, source: str) -> None:
        """Have no tick overtake the events that this source has yet to bring (rules.md 4.5)."""
        self._behind.add(source)

    def release_time(self, source: str) -> None:
        """Let time pass again, as after a downtime: the source has caught up, or cannot now."""
        if source in self._behind:
            self._behind.remove(source)
            self._downtime = True
            self.processor.on_deadline(self._clock.now())

    def reject_rules(self, errors: Sequence[str]) -> None:
        """Keep the last good revision, and say what is wrong with the files."""
        self._rule_errors = tuple(errors)
        log.error("rules_rejected", revision=self._index.rules.revision, errors=len(errors), first=errors[0])

    def rules_status(self) -> RulesStatus:
        """Tell which rules are in force."""
        rules = self._index.rules
        return RulesStatus(
            rules.revision, len(rules), len(rules), self._rule_errors, dict(self.processor.outcomes)
        )

    def automations(self) -> Sequence[JsonObject]:
        """Return every automation as the API serves it."""
        return described(self._index, self.processor.paused)

    def explain(self, event: Event, trace: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """Tell for each automation what became of a stored event, with what is recorded of it."""
        return [explained.to_dict() for explained in explain_stored(self._index, event, trace)]

    def messages(self) -> AsyncIterator[JsonObject]:
        """Yield what happens from now on."""
        return self.processor.feed.messages()

    def named(self, kind: PausableKind, name: str) -> str:
        """Return an object's whole name; NotFoundError suggests, ConflictError where several have the name."""
        if kind == "deployment":
            return self._jobs.deployment(name).name
        if kind == "work-pool":
            return self._jobs.work_pool(name).name
        require_automation(self._index, name)
        return name

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume an object; NotFoundError suggests, ConflictError where several have the name."""
        whole = self.named(kind, name)
        await self._store.write(lambda tx: self._set_paused(tx, kind, whole, paused))

    def _set_paused(self, tx: Transaction, kind: PausableKind, name: str, paused: bool) -> None:
        tx.set_paused(kind, name, paused)
        tx.after_commit(partial(self._paused, kind, name, paused))
        if kind == "automation":
            before = self.processor.paused
            self.processor.adopt(tx, self._index, before | {name} if paused else before - {name})

    def _paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        self._pauses[kind, name] = paused
        self._jobs.set_pauses(self._pauses)
        self._on_runs()

    # --- events --------------------------------------------------------------------------------------------

    async def accept(
        self, events: Sequence[Event], *, also: Callable[[Transaction], None] | None = None
    ) -> Accepted:
        """Process and store events; returns once that is durable. `also` writes in the same transaction."""
        bodies = [orjson.dumps(event.to_dict()) for event in events]
        size = sum(map(len, bodies))
        self._check_bounds(len(events), size)
        return await self._enter(events, bodies, size, also)

    async def emit(self, event: Event) -> None:
        """Process and store an event that an action of ours sends, however much waits: the outbox cannot shrink
        while the door refuses what would empty it.
        """
        body = orjson.dumps(event.to_dict())
        await self._enter([event], [body], len(body))

    async def _enter(
        self,
        events: Sequence[Event],
        bodies: list[bytes],
        size: int,
        also: Callable[[Transaction], None] | None = None,
    ) -> Accepted:
        def operation(tx: Transaction) -> tuple[Sequence[bool], bool]:
            if also is not None:
                also(tx)
            return self._take(tx, events, bodies)

        self._waiting_events += len(events)
        self._waiting_bytes += size
        try:
            duplicates, acted = await self._store.write(operation)
        finally:
            self._waiting_events -= len(events)
            self._waiting_bytes -= size
        if acted:
            self._on_actions()
        return Accepted(duplicates)

    def _check_bounds(self, events: int, size: int) -> None:
        full = (
            self._waiting_events + events > self._bounds.events
            or self._waiting_bytes + self.pending_bytes + size > self._bounds.bytes
            or self.pending_actions > self._bounds.actions
        )
        if full:
            raise Refused(
                "too much is waiting to be processed or delivered",
                code="backlog",
                status=429,
                hint="send again later; 'automations status' shows what waits",
            )

    def _take(
        self, tx: Transaction, events: Sequence[Event], bodies: Sequence[bytes]
    ) -> tuple[Sequence[bool], bool]:
        """Store the events that are new, with everything that follows from them."""
        known = tx.known_events([event.key for event in events])
        duplicates = []
        for event in events:
            duplicates.append(event.key in known)
            known.add(event.key)
        fresh = [event for event, duplicate in zip(events, duplicates, strict=True) if not duplicate]
        if len(fresh) < len(events):
            bodies = [body for body, duplicate in zip(bodies, duplicates, strict=True) if not duplicate]
            tx.count_duplicates(len(events) - len(fresh))
        processed = self.processor.process(tx, fresh, overtake=not self._behind)
        tx.add_events(fresh, bodies, processed.traces)
        return duplicates, processed.acted

    def forget_cells(self) -> None:
        """Called by the store when something was rolled back."""
        self.processor.forget()

    # --- dead letters --------------------------------------------------------------------------------------

    async def redrive(self, dead_letter: str) -> str:
        """Plan a dead action again under a new id. One that failed to render is rendered again, by the rule as it
        is now; one that a sink gave up is sent as it was rendered.
        """
        letter = await self._store.reads.dead_letter(dead_letter)
        action = letter.action
        if action is None:
            raise ConflictError(
                f"{dead_letter!r} is an event whose evaluation failed",
                code="not-redrivable",
                hint="send the event again under a new id",
            )
        request = action.request or await self._plan_again(action.id, action.firing)
        now = self._clock.now()
        again = ActionRequest.from_dict({**request.to_dict(), "id": redriven_id(action.id, str(now))})
        sink = again.sink_in(self._sink_of)
        if sink is None:
            raise ConflictError(
                f"no sink of this engine carries out {again.type!r}",
                code=Reason.NO_SINK,
                hint="declare one under [sinks.NAME], start the engine again, then redrive",
            )
        await self._store.write(lambda tx: tx.redrive(dead_letter, again, sink, now))
        self._on_actions()
        return again.id

    async def discard(self, dead_letter: str) -> None:
        """Give a dead letter up; NotFoundError, ConflictError when it is not open."""
        await self._store.write(lambda tx: tx.discard(dead_letter))

    async def _plan_again(self, action: str, firing_id: str) -> ActionRequest:
        try:
            stored = await self._store.reads.firing(firing_id)
        except NotFoundError:  # forgotten, events and all
            stored = None
        if stored is None or not stored.complete:
            raise ConflictError(
                "the events behind it are no longer stored, so it cannot be rendered again",
                code="events-gone",
                hint="discard it, or send the events again under new ids",
            )
        program = self._index.programs.get(stored.firing.automation)
        if program is None:
            raise ConflictError(f"the automation {stored.firing.automation!r} is gone", code="rule-gone")
        planned = next((a for a in plan(program, stored.firing) if a.id == action), None)
        if planned is None:
            raise ConflictError("the automation no longer has this action", code="rule-changed")
        if isinstance(planned, FailedAction):
            raise ConflictError(f"it still fails: {planned.message}", code=planned.code)
        return planned

    # --- runs ----------------------------------------------------------------------------------------------

    async def create_run(
        self,
        deployment: str,
        *,
        parameters: JsonObject,
        job_variables: JsonObject,
        idempotency_key: str | None,
        created_by: str,
    ) -> tuple[str, bool]:
        """Make a run by hand; returns its id, and True when it was made just now."""
        target = self._jobs.deployment(deployment)
        if target.paused:
            raise ConflictError(
                f"the deployment {target.name!r} is paused",
                code="deployment-paused",
                hint=f"resume it: automations deployment resume {target.name}",
            )
        spec = build_run(
            self._jobs.work_pool(target.work_pool),
            target,
            Layer(values=job_variables, origin=created_by),
            id=redriven_id(f"{target.name}:{idempotency_key}", str(self._clock.now())),
            parameters=parameters,
            created_by=created_by,
            idempotency_key=idempotency_key,
        )
        made = await self._store.write(lambda tx: self._add_run(tx, spec))
        self._on_runs()
        return made

    def _add_run(self, tx: Transaction, spec: RunSpec) -> tuple[str, bool]:
        key = spec.idempotency_key
        earlier = tx.run_by_key(spec.deployment, key) if key is not None else None
        if earlier is not None:
            return earlier, False
        self.add_run(tx, spec)
        return spec.id, True

    def add_run(self, tx: Transaction, spec: RunSpec) -> None:
        """Store a run and process the event of its first state, unless the run exists."""
        now = self._clock.now()
        if tx.add_run(spec, now):
            self._take_one(tx, run_event(Run(spec=spec, state=RunState.SCHEDULED, created=now), now))

    async def record(self, change: StateChange) -> Run:
        """Apply a change of a run's state and process the event that it causes, in one transaction."""
        run = await self._store.write(lambda tx: self._record(tx, change))
        self._on_actions()
        return run

    def _record(self, tx: Transaction, change: StateChange) -> Run:
        run = change(tx)
        self._take_one(tx, run_event(run, self._clock.now()))
        return run

    def _take_one(self, tx: Transaction, event: Event) -> None:
        self._take(tx, [event], [orjson.dumps(event.to_dict())])

    async def cancel_run(self, run: str) -> Run:
        """Cancel: a run that waits ends at once, one that runs is told to stop."""
        found = await self._store.reads.run(run)
        identity = found.spec.id

        def change(tx: Transaction) -> Run:
            asked = tx.request_cancel(identity)
            if asked.state is not RunState.SCHEDULED:
                return asked
            ended = tx.set_run_state(identity, RunState.CANCELLED, self._clock.now(), message="cancelled")
            self._take_one(tx, run_event(ended, self._clock.now()))
            return ended

        cancelled = await self._store.write(change)
        if not cancelled.state.terminal:
            self._on_cancel(identity)
        self._on_actions()
        return cancelled

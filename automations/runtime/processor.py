"""Events and ticks through the engine, into one transaction: states, firings, rendered actions, traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson
import structlog

from automations.engine import CellKey, Index, Program, StateBounds, compile_rules, plan, self_starting_cell
from automations.engine.batch import Batch, Broken, Input, read
from automations.engine.plan import Planned, plan_failed
from automations.model.action import FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet
from automations.ports import Clock, Transaction
from automations.runtime.cells import Cells
from automations.runtime.feed import Feed, event_message, firing_message

log = structlog.get_logger()

_DUE_AT_ONCE: Final = 1_000
"""Cells that one transaction ticks; the rest comes in the next."""


@dataclass(frozen=True, slots=True)
class Processed:
    """`traces`: one for each event, None where it reached nothing. `acted`: there is something to send."""

    traces: Sequence[bytes | None]
    acted: bool


class Processor:
    """What decides. Everything in it happens inside of the store's transactions, one after another."""

    def __init__(self, clock: Clock, sink_of: Mapping[str, str], bounds: StateBounds) -> None:
        self.index: Index = compile_rules(RuleSet())
        self.paused: frozenset[str] = frozenset()
        self.outcomes: Counter[Reason] = Counter()
        """What became of events at the triggers that they reached, since the start."""
        self.feed = Feed()
        self.on_deadline: Callable[[int], None] = lambda _moment: None
        self._clock, self._sink_of, self._bounds = clock, sink_of, bounds
        self._cells = Cells()

    # --- rules ---------------------------------------------------------------------------------------------

    def adopt(self, tx: Transaction, index: Index, paused: frozenset[str]) -> None:
        """Use these rules from now on. State of automations that are gone, disabled or paused is forgotten: they
        start afresh. Automations that no event has to start begin.
        """
        tx.after_rollback(partial(self._use, self.index, self.paused))
        self._use(index, paused)
        running = [p for p in index.programs.values() if p.automation.enabled and p.automation.name not in paused]
        for name in tx.automations_with_cells() - {program.automation.name for program in running}:
            tx.forget_cells(name)
            self._cells.clear()
        keys = [key for program in running if (key := self_starting_cell(program)) is not None]
        batch = self._batch(tx, keys)
        for key in keys:
            batch.open(key, self._clock.now())
        self._store(tx, batch)

    def _use(self, index: Index, paused: frozenset[str]) -> None:
        self.index, self.paused = index, paused

    # --- events and ticks ----------------------------------------------------------------------------------

    def process(self, tx: Transaction, events: Sequence[Event], *, overtake: bool = True) -> Processed:
        """Match, evaluate, plan; store states, firings, rendered actions. Without `overtake` time passes only in
        the cells that an event concerns: others wait for events received earlier, which are yet to come.
        """
        inputs = [self._read(tx, event) for event in events]
        now = max((event.received for event in events), default=0) if overtake else None
        batch = self._batch(tx, _cells_of(inputs), now)
        for given in inputs:
            batch.take(given, others=overtake)
        for given in inputs:
            self.outcomes.update(step["reason"] for step in given.trace)
        if self.feed.watched:
            told = [event_message(given.event, given.trace) for given in inputs]
            self._publish(tx, told)
        acted = self._store(tx, batch)
        return Processed([orjson.dumps(given.trace) if given.trace else None for given in inputs], acted)

    def _read(self, tx: Transaction, event: Event) -> Input:
        """Match an event. One that breaks a pattern is recorded, reaches nothing, and stops no neighbour."""
        try:
            return read(self.index, self.paused, event)
        except Exception as error:
            log.exception("matching_failed", event_ref=event.ref)
            reason = f"matching: {type(error).__name__}: {error}"
            tx.add_dead_event(event, Reason.POISON, reason, self._clock.now())
            return Input(event, [], [])

    def tick(self, tx: Transaction, now: int, *, downtime: bool = False) -> tuple[bool, int | None]:
        """Let time pass up to `now` in the cells that wait for it, a thousand at once. Returns whether there is
        something to send, and the next deadline, which may have passed already.
        """
        batch = self._batch(tx, [], now)
        batch.tick(now, downtime=downtime)
        return self._store(tx, batch), tx.next_deadline()

    def _addressed(self, action: Planned) -> tuple[Planned, str]:
        """The action with its sink. One that no sink carries out is dead at once, and says so."""
        if isinstance(action, FailedAction):
            return action, self._sink_of.get(action.type, "")
        sink = action.sink_in(self._sink_of)
        if sink is not None:
            return action, sink
        message = f"no sink of this engine carries out {action.type!r}; declare one, and redrive this"
        return action.given_up(Reason.NO_SINK, message), ""

    def _publish(self, tx: Transaction, messages: Sequence[JsonObject]) -> None:
        """Tell of what happened once it is durable."""

        def publish() -> None:
            for message in messages:
                self.feed.publish(message)

        tx.after_commit(publish)

    def forget(self) -> None:
        """Forget what is remembered of the store: something was rolled back."""
        self._cells.clear()

    def _batch(self, tx: Transaction, keys: Sequence[CellKey], now: int | None = None) -> Batch:
        timers = [] if now is None else list(tx.due_cells(now, _DUE_AT_ONCE))
        wanted = dict.fromkeys([*keys, *(key for _, key in timers)])
        cells = self._cells.load(tx, list(wanted)) if wanted else {}
        return Batch(self.index.programs, self._bounds, cells, timers)

    def _store(self, tx: Transaction, batch: Batch) -> bool:
        now = self._clock.now()
        if batch.changed:
            self._cells.save(tx, batch.changed, now)
            self.on_deadline(min((due for _, due in batch.changed.values() if due is not None), default=_NEVER))
        for broken in batch.broken:
            _report(tx, broken, now)
        if not batch.firings:
            return False
        new = tx.add_firings([firing for _, firing in batch.firings], now)
        if self.feed.watched:
            self._publish(tx, [firing_message(f.to_dict()) for _, f in batch.firings if f.id in new])
        actions = [a for program, firing in batch.firings if firing.id in new for a in planned(program, firing)]
        tx.add_actions([self._addressed(action) for action in actions], now)
        return bool(actions)


def _report(tx: Transaction, broken: Broken, now: int) -> None:
    told = f"automation {broken.automation!r}: {type(broken.error).__name__}: {broken.error}"
    if broken.event is None:
        log.error("tick_failed", automation=broken.automation, exc_info=broken.error)
    else:
        log.error(
            "evaluation_failed",
            automation=broken.automation,
            event_ref=broken.event.ref,
            exc_info=broken.error,
        )
        tx.add_dead_event(broken.event, Reason.POISON, told, now)


_NEVER: Final = 2**63 - 1


def _cells_of(inputs: Sequence[Input]) -> Sequence[CellKey]:
    return [i.key for given in inputs for i in given.interests if i.key is not None]


def planned(program: Program, firing: Firing) -> Sequence[Planned]:
    """Render a firing's actions; a fault of ours gives them up, each with its reason."""
    try:
        return plan(program, firing)
    except Exception as error:
        log.exception("planning_failed", automation=firing.automation, firing=firing.id)
        return plan_failed(program, firing, f"{type(error).__name__}: {error}")

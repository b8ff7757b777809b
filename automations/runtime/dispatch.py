"""Dispatch: from the outbox to the sinks, and their answers back into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import structlog

from automations.errors import (
    AutomationsError,
    ConflictError,
    JobVariableErrors,
    NotFoundError,
    PrepareError,
    StoreUnavailableError,
)
from automations.model.document import JsonObject
from automations.model.job import RunSpec
from automations.model.moment import SECOND, format_duration
from automations.model.reason import Reason
from automations.ports import ActionRow, Clock, Dead, Delivery, Done, Retry, Sink, Store, Transaction
from automations.runtime.background import keep_running
from automations.runtime.retry import RetryPolicy

log = structlog.get_logger()

T = TypeVar("T")

_GIVEN_UP_AT_ONCE: Final = 100
_ANY_TIME: Final = 2**63 - 1
_LOOK: Final = 1.0
"""Seconds after which a sink's loop looks for due actions though nobody woke it: retries that an earlier life has
planned, jumps of the clock.
"""
_STORE_PAUSE: Final = 0.5
"""Seconds between attempts to write while the store is unavailable."""


@dataclass(frozen=True, slots=True)
class SinkBinding:
    """A sink under the name that actions know, how many deliveries it may have in flight, and when it gives up."""

    name: str
    sink: Sink
    in_flight: int = 8
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Dispatcher:
    """Delivers pending actions, each sink by itself: one that is slow or down holds back no other.

    `add_run` stores a run that a sink returned, in the transaction that settles its action. `on_settled` is
    called with each action that has been delivered or is dead, once that is durable. What is planned for sinks
    `elsewhere` is none of its business.
    """

    def __init__(
        self,
        store: Store,
        bindings: Mapping[str, SinkBinding],
        clock: Clock,
        *,
        random: Callable[[], float],
        add_run: Callable[[Transaction, RunSpec], object],
        on_settled: Callable[[ActionRow, Delivery], None] = lambda _action, _delivery: None,
        elsewhere: Collection[str] = (),
    ) -> None:
        self._store, self._clock = store, clock
        self._unbound: asyncio.Task[None] | None = None
        self._elsewhere = elsewhere
        self._lanes = {
            name: _Lane(store, binding, clock, random, add_run, on_settled) for name, binding in bindings.items()
        }

    def start(self) -> None:
        """Start delivering, with what an earlier life left pending."""
        for lane in self._lanes.values():
            lane.start()
        self._unbound = asyncio.create_task(keep_running("unbound", self._give_up_unbound))

    @property
    def under_way(self) -> frozenset[str]:
        """The actions that are being delivered now."""
        return frozenset(action for lane in self._lanes.values() for action in lane.running)

    def wake(self, sink: str | None = None) -> None:
        """Tell that actions were committed: for one sink, or for any."""
        for name, lane in self._lanes.items():
            if sink is None or sink == name:
                lane.wake()

    async def stop(self, grace: float) -> None:
        """Take nothing more, and let what is in flight end within `grace` seconds. What is cancelled then stays
        pending, and is delivered again under the same id by the next life.
        """
        if self._unbound is not None:
            self._unbound.cancel()
        await asyncio.gather(*(lane.stop(grace) for lane in self._lanes.values()))

    async def _give_up_unbound(self) -> None:
        """What an earlier life planned for a sink that is gone from the settings would wait for ever. Redriven, it
        goes to the sink that carries out its type then.
        """
        for sink, status in (await self._store.reads.sink_errors()).items():
            if status["pending"] and sink not in self._lanes and sink not in self._elsewhere:
                while await self._store.write(partial(self._give_up, sink)):
                    pass

    def _give_up(self, sink: str, tx: Transaction) -> bool:
        waiting = tx.due_actions(sink, _ANY_TIME, _GIVEN_UP_AT_ONCE, ())
        for action in waiting:
            reason = f"the sink {sink!r} is gone from the settings; redrive this to send it elsewhere"
            tx.action_dead(action.id, Reason.NO_SINK, reason, self._clock.now())
        return bool(waiting)


class _Lane:
    """One sink's deliveries. It shares nothing with the other lanes but the store."""

    def __init__(
        self,
        store: Store,
        binding: SinkBinding,
        clock: Clock,
        random: Callable[[], float],
        add_run: Callable[[Transaction, RunSpec], object],
        on_settled: Callable[[ActionRow, Delivery], None],
    ) -> None:
        self._store, self._clock, self._random = store, clock, random
        self._name, self._sink = binding.name, binding.sink
        self._in_flight, self._retry = binding.in_flight, binding.retry
        self._add_run, self._on_settled = add_run, on_settled
        self.running: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        self._awake.set()

    async def stop(self, grace: float) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        if running := list(self.running.values()):
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- taking ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            try:
                await self._take()
            except StoreUnavailableError as error:
                log.warning("dispatch_waits_for_store", sink=self._name, error=error.message)
            except Exception:  # whatever it is, the loop goes on
                log.exception("dispatch_failed", sink=self._name)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._awake.wait()

    async def _take(self) -> None:
        """Start what is due, as far as there is room. A write, and not a read beside the writer: it returns once
        everything that it saw is durable, and sees what the lane itself has just settled.
        """
        room = self._in_flight - len(self.running)
        if room <= 0:
            return
        now = self._clock.now()
        due = await self._store.write(lambda tx: tx.due_actions(self._name, now, room, self.running))
        for action in due:
            self.running[action.id] = task = asyncio.create_task(self._carry_out(action))
            task.add_done_callback(partial(self._ended, action.id))

    def _ended(self, action: str, task: asyncio.Task[None]) -> None:
        del self.running[action]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("settling_failed", sink=self._name, action=action, error=repr(error))
            return  # still pending, and taken again at the next look: unwoken, so that it does not spin
        self._awake.set()

    # --- one action -------------------------------------------------------------------------------------------

    async def _carry_out(self, action: ActionRow) -> None:
        prepared, delivery = await self._attempt(action)
        try:
            await self._settle(action, prepared, delivery)
        except ConflictError as error:
            log.warning("action_settled_already", sink=self._name, action=action.id, error=error.message)
        except Exception as error:  # for one, a run that the engine cannot take
            log.exception("settling_failed", sink=self._name, action=action.id)
            await self._settle(action, None, _unexpected(error))

    async def _attempt(self, action: ActionRow) -> tuple[JsonObject | None, Delivery]:
        """Return what was sent and the answer. Whatever a sink raises becomes an answer."""
        prepared = action.prepared
        try:
            if prepared is None:
                prepared = await self._prepare(action)
            return prepared, await self._sink.deliver(prepared)
        except (PrepareError, JobVariableErrors, NotFoundError) as error:
            return None, Dead(error.code, _explain(error))
        except Exception as error:
            if isinstance(error, AutomationsError) and error.recoverable:  # the peer is away
                return prepared, Retry(_explain(error))
            log.exception("sink_raised", sink=self._name, action=action.id)
            return prepared, _unexpected(error)

    async def _prepare(self, action: ActionRow) -> JsonObject:
        """Prepare, once: what is stored here is what every attempt sends."""
        if action.request is None:
            raise PrepareError("the action has no request")
        prepared = await self._sink.prepare(action.request)
        if not self._sink.local:
            await self._write(lambda tx: tx.store_prepared(action.id, prepared))
        return prepared

    async def _settle(self, action: ActionRow, prepared: JsonObject | None, delivery: Delivery) -> None:
        """Commit the outcome, with the run that it may bring."""
        now = self._clock.now()
        delay = 0
        if isinstance(delivery, Retry):
            delivery, delay = self._again(action, delivery, now)

        def settle(tx: Transaction) -> None:
            if self._sink.local and prepared is not None:
                tx.store_prepared(action.id, prepared)
            self._record(tx, action, delivery, now, now + delay)

        await self._write(settle)
        self._tell(action, delivery, delay)

    def _again(self, action: ActionRow, retry: Retry, now: int) -> tuple[Delivery, int]:
        """Return the retry and its delay, or a death when the sink's bounds are reached."""
        attempts, age = action.attempts + 1, max(now - action.created, 0)  # the clock may have been set back
        delay = self._retry.delay(attempts, age, retry.after, self._random())
        if delay is not None:
            return retry, delay
        spent = format_duration(age // SECOND * SECOND)
        return Dead(Reason.EXHAUSTED, f"gave up after {attempts} attempts in {spent}: {retry.reason}"), 0

    def _record(self, tx: Transaction, action: ActionRow, delivery: Delivery, now: int, again: int) -> None:
        match delivery:
            case Done(reference, run):
                tx.action_delivered(action.id, reference, now)
                if run is not None:
                    self._add_run(tx, run)
            case Retry(reason):
                tx.action_retry(action.id, reason, again)
            case Dead(code, reason):
                tx.action_dead(action.id, code, reason, now)

    def _tell(self, action: ActionRow, delivery: Delivery, delay: int) -> None:
        told = log.bind(sink=self._name, action=action.id, automation=action.automation)
        match delivery:
            case Done(reference):
                told.debug("action_delivered", reference=reference)
            case Retry(reason):
                told.warning("action_retry", reason=reason, delay=format_duration(delay))
                asyncio.get_running_loop().call_later(delay / SECOND, self.wake)
                return
            case Dead(code, reason):
                told.error("action_dead", code=code, reason=reason)
        self._on_settled(action, delivery)

    async def _write(self, operation: Callable[[Transaction], T]) -> T:
        """Write, however long the store is unavailable: an answer that we have is not asked for again."""
        while True:
            try:
                return await self._store.write(operation)
            except StoreUnavailableError as error:
                log.warning("dispatch_waits_for_store", sink=self._name, error=error.message)
                await asyncio.sleep(_STORE_PAUSE)


def _explain(error: AutomationsError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _unexpected(error: Exception) -> Retry:
    return Retry(f"{type(error).__name__}: {error}")

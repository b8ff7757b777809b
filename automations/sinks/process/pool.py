"""The process pool: takes scheduled runs, starts them within the limits, records what becomes of each."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from typing import Final

import structlog

from automations.errors import AutomationsError, ConflictError
from automations.model.job import Run, RunState
from automations.ports import Clock, Jobs, RunRecorder, Store
from automations.sinks.process.process import Execution

log = structlog.get_logger()

_LOOK: Final = 1.0
"""Seconds after which the pool looks for due runs though nobody woke it: those scheduled for later."""
UNKNOWN: Final = "unknown: the engine stopped while it ran"


class ProcessPool:
    """`limit` is the number of runs at a time over all pools; a pool's own `concurrency_limit` holds beside it."""

    def __init__(
        self, store: Store, jobs: Jobs, record: RunRecorder, clock: Clock, *, limit: int | None = None
    ) -> None:
        self._store, self._jobs, self._record, self._clock = store, jobs, record, clock
        self._limit = limit or max(2, os.cpu_count() or 2)
        self._running: dict[str, tuple[Execution, asyncio.Task[None]]] = {}
        self._in_pool: Counter[str] = Counter()
        self._awake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Tell that a run may be due."""
        self._awake.set()

    def cancel(self, run: str) -> None:
        """Stop a run that is under way; it ends as Cancelled."""
        if run in self._running:
            self._running[run][0].stop(RunState.CANCELLED, "cancelled")

    async def run(self) -> None:
        """Settle what an earlier life left, then run what is scheduled, until cancelled."""
        await self._recover()
        while not self._stopping:
            self._awake.clear()
            try:
                await self._claim()
            except AutomationsError as error:
                log.warning("pool_waits_for_store", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._awake.wait()

    async def stop(self, grace: float) -> None:
        """Start nothing more; what has not ended after `grace` seconds is stopped, and recorded as Crashed."""
        self._stopping = True
        tasks = [task for _, task in self._running.values()]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=grace)
        for execution, _ in list(self._running.values()):
            execution.stop(RunState.CRASHED, "the engine stopped")
        await asyncio.wait(tasks, timeout=grace)

    async def _recover(self) -> None:
        """A run that was under way when the engine died: nobody knows how far it came."""
        for run in await self._store.write(lambda tx: tx.unfinished_runs()):
            state, message = RunState.CRASHED, UNKNOWN
            if self._on_unknown(run) == "rerun":
                state, message = RunState.SCHEDULED, "run again: the engine stopped while it ran"
            await self._change(run.spec.id, state, message=message)

    def _on_unknown(self, run: Run) -> str:
        try:
            return self._jobs.work_pool(run.spec.work_pool).on_unknown
        except AutomationsError:
            return "fail"

    async def _claim(self) -> None:
        for pool in self._jobs.work_pools():
            room = self._limit - len(self._running)
            if pool.concurrency_limit is not None:
                room = min(room, pool.concurrency_limit - self._in_pool[pool.name])
            if room <= 0 or pool.paused or pool.type != "process":
                continue
            name, now = pool.name, self._clock.now()
            for run in await self._store.write(lambda tx, n=name, t=now, r=room: tx.claim_runs(n, t, r)):  # type: ignore[misc]
                self._start(run)

    def _start(self, run: Run) -> None:
        execution = Execution(run.spec, self._store, self._clock)
        task = asyncio.create_task(self._carry_out(run, execution))
        self._running[run.spec.id] = (execution, task)
        self._in_pool[run.spec.work_pool] += 1
        if run.cancel_requested:
            execution.stop(RunState.CANCELLED, "cancelled")

    async def _carry_out(self, run: Run, execution: Execution) -> None:
        identity = run.spec.id
        try:
            await self._change(identity, RunState.PENDING)
            failed = await execution.start()
            if failed is None:
                await self._change(identity, RunState.RUNNING, pid=execution.pid)
                failed = await execution.wait()
            await self._change(identity, failed.state, message=failed.message, exit_code=failed.exit_code)
        except Exception as error:  # whatever it is, the pool goes on, and the run does not stay as it was
            log.exception("run_lost", run=identity)
            execution.kill()
            await self._settle_lost(identity, f"unknown: {type(error).__name__}: {error}")
        finally:
            del self._running[identity]
            self._in_pool[run.spec.work_pool] -= 1
            self.wake()

    async def _settle_lost(self, run: str, message: str) -> None:
        try:
            await self._change(run, RunState.CRASHED, message=message)
        except AutomationsError as error:  # the store is away: the next life settles it
            log.warning("run_not_settled", run=run, error=str(error))

    async def _change(
        self, run: str, state: RunState, *, message: str = "", exit_code: int | None = None, pid: int | None = None
    ) -> None:
        now = self._clock.now()
        try:
            await self._record(
                lambda tx: tx.set_run_state(run, state, now, message=message, exit_code=exit_code, pid=pid)
            )
        except ConflictError as error:
            log.warning("run_ended_already", run=run, error=error.message)
        else:
            log.info("run_state", run=run, state=state.value, message=message)

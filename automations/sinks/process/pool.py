"""The process pool: claims runs that are due, carries them out, records each change of state."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from operator import methodcaller
from typing import Any, Final, TypeVar

import structlog

from automations.errors import AutomationsError, NotFoundError, StoreUnavailableError
from automations.model.job import Run, RunState, WorkPool
from automations.model.secret import SecretReference
from automations.ports import Clock, Jobs, RunRecorder, Store, Transaction
from automations.sinks.process.execution import Ending, Execution
from automations.sinks.process.folder import folder_of, remove_folder
from automations.sinks.process.launch import ReadSecret, launch_of
from automations.sinks.process.output import RunOutput

log = structlog.get_logger()

T = TypeVar("T")

_LOOK: Final = 1.0
"""Seconds after which the pool looks for due runs though nobody woke it."""
_STORE_PAUSE: Final = 0.5
_KILL_AFTER: Final = 5.0
_STOP_PATIENCE: Final = 2.0
"""Seconds that runs have to end once the engine's stop has told them to, and again once they were killed."""
_CANCELLED: Final = Ending(RunState.CANCELLED, "cancelled")
_UNKNOWN: Final = "unknown: the engine stopped while it ran"


def _no_secret(reference: SecretReference) -> str:
    raise AutomationsError(f"{reference} cannot be read here", code="cannot-start")


class ProcessPool:
    """Carries out the runs of all work pools of the type `process`, `limit` at once, each pool within its own."""

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        record: RunRecorder,
        clock: Clock,
        *,
        limit: int | None = None,
        kill_after: float = _KILL_AFTER,
        read_secret: ReadSecret = _no_secret,
    ) -> None:
        """`limit` is max(2, CPUs) by default; `kill_after`: seconds between asking a run to end and killing it;
        `read_secret` is asked for the access tokens of pull steps.
        """
        self._store, self._jobs, self._record, self._clock = store, jobs, record, clock
        self._limit = max(2, os.cpu_count() or 1) if limit is None else limit
        self._kill_after, self._read_secret = kill_after, read_secret
        self._api_url: str | None = None
        self._executions: dict[str, Execution] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._awake = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False

    def serve_at(self, url: str) -> None:
        """Say where the engine serves: runs are told it as AUTOMATIONS_API_URL."""
        self._api_url = url

    async def run(self) -> None:
        """Settle what an earlier life left unfinished, then carry out runs until stopped or cancelled."""
        try:
            await self._recover()
            while not self._stopping:
                self._awake.clear()
                await self._claim()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), _LOOK)
        except BaseException:  # cancelled: nobody else will end what runs
            await self.stop(0)
            raise

    def wake(self) -> None:
        """Tell that there may be runs to claim."""
        self._awake.set()

    def cancel(self, run: str) -> None:
        """Cancel a run that this pool carries out; others are nothing to it."""
        execution = self._executions.get(run)
        if execution is not None:
            execution.stop(_CANCELLED)

    async def stop(self, grace: float) -> None:
        """Claim nothing more, give runs `grace` seconds to end, then end them."""
        self._stopping = True
        self.wake()
        async with self._claiming:  # what is being claimed now is started first, and ended like the rest
            tasks = set(self._tasks.values())
        tasks = await _unfinished(tasks, grace)
        for execution in self._executions.values():
            execution.stop(Ending(RunState.CRASHED, "the engine stopped"))
        tasks = await _unfinished(tasks, _STOP_PATIENCE)
        for execution in self._executions.values():
            execution.kill()
        for task in await _unfinished(tasks, _STOP_PATIENCE):
            task.cancel()
        await _unfinished(tasks, _STOP_PATIENCE)

    # --- claiming ------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Runs that were starting or running when the engine ended: nobody knows how far they came."""
        for run in await _once_possible(lambda: self._store.write(methodcaller("unfinished_runs"))):
            await remove_folder(run.spec)
            try:
                await self._change(run, self._state_after_crash(run), message=_UNKNOWN)
            except Exception:  # the others are settled all the same
                log.exception("run_not_recorded", run=run.spec.id)

    def _state_after_crash(self, run: Run) -> RunState:
        if run.cancel_requested:
            return RunState.CANCELLED
        return RunState.SCHEDULED if self._reruns(run) else RunState.CRASHED

    def _reruns(self, run: Run) -> bool:
        try:
            return self._jobs.work_pool(run.spec.work_pool).on_unknown == "rerun"
        except NotFoundError:
            return False

    async def _claim(self) -> None:
        async with self._claiming:
            if self._stopping or not self._open_pools():
                return
            try:
                runs = await self._store.write(self._claim_due)
            except StoreUnavailableError as error:
                log.warning("runs_not_claimed", error=error.message)
                return
            except Exception:  # whatever it is, the pool goes on
                log.exception("runs_not_claimed")
                return
            for run in runs:
                self._begin(run)

    def _open_pools(self) -> list[WorkPool]:
        """The pools that may run something more, the least busy first."""
        if len(self._tasks) >= self._limit:
            return []
        pools = (pool for pool in self._jobs.work_pools() if pool.type == "process" and not pool.paused)
        return sorted((pool for pool in pools if self._room(pool) > 0), key=lambda pool: self._busy[pool.name])

    def _room(self, pool: WorkPool) -> int:
        limit = self._limit if pool.concurrency_limit is None else pool.concurrency_limit
        return limit - self._busy[pool.name]

    def _claim_due(self, tx: Transaction) -> list[Run]:
        """Claim from the pools that are open now: one may have been paused while this waited for its turn."""
        claimed: list[Run] = []
        for pool in self._open_pools():
            free = self._limit - len(self._tasks) - len(claimed)
            if free > 0:
                claimed += tx.claim_runs(pool.name, self._clock.now(), min(free, self._room(pool)))
        return claimed

    # --- carrying out --------------------------------------------------------------------------------------

    def _begin(self, run: Run) -> None:
        output = RunOutput(self._store, run.spec.id, self._clock)
        execution = Execution(output, kill_after=self._kill_after)
        self._executions[run.spec.id] = execution
        self._busy[run.spec.work_pool] += 1
        self._tasks[run.spec.id] = asyncio.create_task(self._carry_out(run, execution, output))

    async def _carry_out(self, run: Run, execution: Execution, output: RunOutput) -> None:
        writing = asyncio.create_task(output.write())
        try:
            ending = await self._execute(run, execution)
            output.close()
            await writing  # whoever sees the run ended can read all of its output
            await self._change(run, ending.state, message=ending.message, exit_code=ending.exit_code)
        except Exception:
            log.exception("run_not_recorded", run=run.spec.id)
        finally:
            writing.cancel()
            execution.close()
            del self._executions[run.spec.id], self._tasks[run.spec.id]
            self._busy[run.spec.work_pool] -= 1
            self.wake()

    async def _execute(self, run: Run, execution: Execution) -> Ending:
        """From Pending to the end; `starting` is durable before anything is started."""
        pending = await self._change(run, RunState.PENDING)
        if pending.cancel_requested:  # asked for between the claim and now, when `cancel` did not know the run
            execution.stop(_CANCELLED)
        if execution.stopped is not None:
            return execution.stopped
        async with AsyncExitStack() as ended:
            try:
                folder = await ended.enter_async_context(folder_of(run.spec))
                launch = launch_of(run.spec, folder, self._api_url, self._read_secret)
                pid = await execution.start(launch)
            except AutomationsError as error:
                return Ending(RunState.CRASHED, f"it could not be started: {error.message}")
            except OSError as error:
                what = f"{error.filename or ''}: {error.strerror}"
                return Ending(RunState.CRASHED, f"it could not be started: {what}")
            await self._change(run, RunState.RUNNING, pid=pid)
            return await execution.wait(launch.timeout)

    async def _change(self, run: Run, state: RunState, **details: Any) -> Run:
        """Record a change of state with its event, as soon as the store can."""
        change = methodcaller("set_run_state", run.spec.id, state, self._clock.now(), **details)
        changed = await _once_possible(lambda: self._record(change))
        log.info("run_state", run=run.spec.id, state=state.value, message=changed.message)
        return changed


async def _once_possible(write: Callable[[], Awaitable[T]]) -> T:
    """Write, however long the store is unavailable."""
    while True:
        try:
            return await write()
        except StoreUnavailableError as error:
            log.warning("pool_waits_for_store", error=error.message)
            await asyncio.sleep(_STORE_PAUSE)


async def _unfinished(tasks: set[asyncio.Task[None]], seconds: float) -> set[asyncio.Task[None]]:
    """Wait for the tasks at most that long, and return those that have not ended."""
    return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()

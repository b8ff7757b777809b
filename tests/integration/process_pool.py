"""A process pool on a real store, with real subprocesses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from automations.deploy import ReloadableJobs
from automations.jobs import build_run
from automations.model.job import Deployment, JobFile, Layer, Run, RunState, WorkPool
from automations.ports import StateChange
from automations.sinks.process import ProcessPool
from automations.store import SqliteStore


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1000


class Harness:
    """Deployments of one file of flows, runs by hand, and what became of them."""

    def __init__(self, directory: Path, store: SqliteStore, pools: list[WorkPool]) -> None:
        self.directory, self.store = directory, store
        self.jobs = ReloadableJobs(JobFile((), pools))
        self.changes: list[tuple[str, RunState]] = []
        self.clock = SystemClock()
        self._made = 0

    async def record(self, change: StateChange) -> Run:
        run = await self.store.write(change)
        self.changes.append((run.spec.id, run.state))
        return run

    def pool(self, **options: Any) -> ProcessPool:
        return ProcessPool(self.store, self.jobs, self.record, self.clock, **options)

    async def schedule(
        self, function: str = "", *, pool: str = "default", parameters: dict[str, Any] | None = None, **values: Any
    ) -> str:
        """Store a run of `flows.py:function`; `values` are its job variables."""
        self._made += 1
        deployment = Deployment("flow", "test", f"flows.py:{function}", pool, str(self.directory))
        spec = build_run(
            self.jobs.work_pool(pool),
            deployment,
            Layer(values, origin="test"),
            id=f"{self._made:032x}",
            parameters=parameters or {},
            created_by="test",
        )
        await self.store.write(lambda tx: tx.add_run(spec, self.clock.now()))
        return spec.id

    async def until(self, run: str, *states: RunState) -> Run:
        """Wait for one of the states, or for any end."""
        async with asyncio.timeout(30):
            while True:
                found = await self.store.reads.run(run)
                if found.state in states or (not states and found.state.terminal):
                    return found
                await asyncio.sleep(0.01)

    async def output(self, run: str) -> list[tuple[str, str]]:
        return [(line.stream, line.text) for _, line in await self.store.reads.logs(run, limit=20_000)]

    async def until_written(self, path: Path) -> str:
        """Wait for a file that a run writes; a file holds one line."""
        async with asyncio.timeout(30):
            while not (path.exists() and path.read_text().endswith("\n")):
                await asyncio.sleep(0.01)
        return path.read_text().strip()

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[ProcessPool]:
        pool = self.pool(**options)
        task = asyncio.create_task(pool.run())
        try:
            yield pool
        finally:
            await pool.stop(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


Harnesses = Callable[..., Awaitable[Harness]]


def alive(pid: int) -> bool:
    """True for a process that runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while alive(pid):
            await asyncio.sleep(0.01)

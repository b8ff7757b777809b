"""One measurement at a time: the engine, the limits beside it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import aiohttp
from engine_process import EngineProcess, HarnessError, free_port
from speed.client import CONNECTIONS, Order, Result
from speed.limits import sqlite_rate
from speed.workload import RULES, WORKLOADS, write_project

_HERE: Final = Path(__file__).resolve().parent
_STORED_WITHIN: Final = 60.0
_LISTENS_WITHIN: Final = 10.0
_BATCH: Final = 100


@dataclass(frozen=True)
class Case:
    """`batch` events in a request."""

    workload: str
    events: int
    batch: int


@dataclass(frozen=True)
class Rates:
    """Events a second: to the stored action, and the two limits."""

    engine: float
    http: float
    sqlite: float


async def send(order: Order) -> Result:
    """Let the client carry an order out."""
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, str(_HERE / "client.py")), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    out, _ = await client.communicate(json.dumps(asdict(order)).encode())
    if client.returncode != 0:
        raise HarnessError("the client failed; its words are above")
    return Result(**json.loads(out))


@asynccontextmanager
async def idle_server() -> AsyncIterator[int]:
    """Run the server that does nothing; yields its port."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(sys.executable, str(_HERE / "limits.py"), str(port))
    try:
        async with asyncio.timeout(_LISTENS_WITHIN):
            while not await _listens(port):
                await asyncio.sleep(0.05)
        yield port
    finally:
        server.terminate()
        await server.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[tuple[EngineProcess, aiohttp.ClientSession]]:
    """Run the engine on the thousand rules; every rule has fired once and all is delivered: warm, and quiet."""
    write_project(folder)
    running = EngineProcess(folder)
    async with aiohttp.ClientSession() as session:
        try:
            await running.start(session)
            await send(Order(running.port, "all", RULES, _BATCH, 0, "warm"))
            await _delivered(running, session, RULES)
            yield running, session
            await running.stop()
        finally:
            running.kill()


async def _stored(running: EngineProcess, session: aiohttp.ClientSession, actions: int) -> float:
    """Wait until that many actions are stored, no more and no less; returns when that was seen."""
    return await _reaches(running, session, "planned", actions)


async def _delivered(running: EngineProcess, session: aiohttp.ClientSession, actions: int) -> float:
    """Wait until that many actions are delivered: their runs are stored."""
    return await _reaches(running, session, "delivered", actions)


async def _reaches(running: EngineProcess, session: aiohttp.ClientSession, count: str, wanted: int) -> float:
    deadline = time.monotonic() + _STORED_WITHIN
    while time.monotonic() < deadline:
        seen = (await running.status(session))["actions"][count]
        if seen == wanted:
            return time.monotonic()
        if seen > wanted:
            raise HarnessError(f"actions {count}: {seen} instead of {wanted}")
        await asyncio.sleep(0.005)
    raise HarnessError(f"actions {count}: not {wanted} within {_STORED_WITHIN:g} s")


async def rates(case: Case) -> Rates:
    """Measure the engine on a new database, then the limits on the same requests and the same rows."""
    with tempfile.TemporaryDirectory(prefix="automations-bench-") as name:
        folder = Path(name)
        async with engine(folder) as (running, session):
            result = await send(Order(running.port, case.workload, case.events, case.batch, 0, "run"))
            stored = await _stored(running, session, RULES + WORKLOADS[case.workload].firing(case.events))
        async with idle_server() as port:
            idle = await send(Order(port, case.workload, case.events, case.batch, 0, "run"))
        # One by one, what arrives on all connections at once is the most that can share a commit.
        together = case.batch if case.batch > 1 else CONNECTIONS
        sqlite = sqlite_rate(running.database, folder / "limit.db", together)
    return Rates(case.events / (stored - result.started), case.events / (idle.ended - idle.started), sqlite)


async def latencies(pace: float, seconds: float) -> tuple[Result, Result]:
    """Measure acknowledgements at a steady pace, one event a request: the engine's, and the idle server's."""
    events = int(pace * seconds)
    with tempfile.TemporaryDirectory(prefix="automations-bench-") as name:
        async with engine(Path(name)) as (running, _):
            paced = await send(Order(running.port, "tenth", events, 1, pace, "paced"))
    async with idle_server() as port:
        return paced, await send(Order(port, "tenth", events, 1, pace, "paced"))

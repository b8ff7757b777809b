"""Kills the engine and the Prefect server while events become runs there, then counts: `make prefect-proof`.

Each event must have made exactly one run, with its own values. Exits 1 when one is missing, double or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import aiohttp
from engine_process import EngineProcess, HarnessError
from prefect_beside import FLOW, NAME, PrefectServer, all_runs, order, write_project

_BATCH: Final = 5
_SETTLED_WITHIN: Final = 300.0


async def send(session: aiohttp.ClientSession, engine: EngineProcess, events: int, over: float) -> None:
    """Send all events in about `over` seconds; what is not acknowledged is sent again under its own id."""
    pause = over / (events / _BATCH)
    for first in range(0, events, _BATCH):
        body = [order(number) for number in range(first, min(first + _BATCH, events))]
        while not await _acknowledged(session, engine, body):
            await asyncio.sleep(0.1)
        await asyncio.sleep(pause)


async def _acknowledged(session: aiohttp.ClientSession, engine: EngineProcess, body: list[dict[str, Any]]) -> bool:
    try:
        async with session.post(f"{engine.url}/api/events", json=body) as response:
            return response.status == 202
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


async def kill_engine(session: aiohttp.ClientSession, engine: EngineProcess, kills: int, over: float) -> None:
    """Kill the engine at random moments, and start it again."""
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0, 2 * over / kills))
        engine.kill()
        await engine.ended()
        await engine.start(session)


async def restart_prefect(prefect: PrefectServer, restarts: int, over: float) -> None:
    """Kill the server at random moments, and start it again: it knows what it had stored."""
    for _ in range(restarts):
        await asyncio.sleep(random.uniform(0, 2 * over / restarts))
        await asyncio.to_thread(prefect.kill)
        await asyncio.to_thread(prefect.start)


async def settled(session: aiohttp.ClientSession, engine: EngineProcess, events: int) -> dict[str, Any]:
    """Return the ledger once nothing is pending any more."""
    deadline = time.monotonic() + _SETTLED_WITHIN
    while time.monotonic() < deadline:
        status = await engine.status(session)
        if (
            status["events"]["accepted"] >= events
            and not status["events"]["pending"] + status["actions"]["pending"]
        ):
            return status
        await asyncio.sleep(0.5)
    raise HarnessError(f"actions were still pending after {_SETTLED_WITHIN:g} s: {status}")


def audit(runs: list[dict[str, Any]], events: int) -> list[str]:
    """Return every violation."""
    times = Counter(int(run["parameters"]["number"]) for run in runs)
    wrong = [
        run["name"]
        for run in runs
        for number in [int(run["parameters"]["number"])]
        if run["job_variables"] != {"env": {"NUMBER": str(number), "CUSTOMER": f"customer-{number % 7}"}}
    ]
    return [
        *(f"event {number} made {times[number]} runs" for number in range(events) if times[number] != 1),
        *(f"run {name} has another event's values" for name in wrong),
    ]


async def prove(folder: Path, events: int, kills: int, restarts: int, over: float) -> list[str]:
    """Carry the proof out; returns the violations."""
    prefect = PrefectServer(folder / "prefect")
    await asyncio.to_thread(prefect.start)
    try:
        deployment = prefect.deployment(FLOW, NAME, "proof")
        write_project(folder / "project", prefect)
        engine = EngineProcess(folder / "project")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            await engine.start(session)
            await asyncio.gather(
                send(session, engine, events, over),
                kill_engine(session, engine, kills, over),
                restart_prefect(prefect, restarts, over),
            )
            status = await settled(session, engine, events)
            await engine.stop()
        dead = [f"{status['actions']['dead']} actions are dead letters"] if status["actions"]["dead"] else []
        return [*audit(all_runs(prefect, deployment), events), *dead]
    finally:
        await asyncio.to_thread(prefect.stop)


def main() -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(description="Kill the engine and the Prefect server, then count the runs.")
    options.add_argument("--events", type=int, default=1_000)
    options.add_argument("--kills", type=int, default=20, help="of the engine (20)")
    options.add_argument("--restarts", type=int, default=4, help="of the Prefect server (4)")
    options.add_argument("--seconds", type=float, default=90, help="over which the events come (90)")
    options.add_argument("--seed", type=int, default=1, help="decides the moments (1)")
    chosen = options.parse_args()
    random.seed(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="automations-prefect-") as folder:
        violations = asyncio.run(prove(Path(folder), chosen.events, chosen.kills, chosen.restarts, chosen.seconds))
    for violation in violations:
        print(f"VIOLATION {violation}")
    print(
        f"{chosen.events} events, {chosen.kills} kills of the engine, {chosen.restarts} of the Prefect server: "
        + (
            f"{len(violations)} violations"
            if violations
            else f"{chosen.events} runs, each once, with its own values"
        )
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""Event-triggered runs on a Prefect server, measured: `make bench-prefect`.

On one server, one after another: bare API calls that create runs, this engine, and Prefect's own automations.
Writes benchmarks/prefect_runs.md, and prints it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from engine_process import EngineProcess
from prefect_beside import FLOW, NAME, PrefectServer, all_runs, order, write_project

_REPORT: Final = Path(__file__).with_suffix(".md")
_PACE: Final = 10.0
_OWN_PATIENCE: Final = 120.0
_WARM_UP: Final = 20
"""Runs before the clock starts: the first calls of a server are its slowest."""
_TEXT: Final = """\
# Event-triggered runs on a Prefect server, measured

{machine}; server (3.8.8, its SQLite), engine and client share the machine; each line has a new
server. {runs} runs are created, and not carried out.

| | runs/s | of bare calls, one by one |
|---|---:|---:|
{rates}

From the event to the run (the server's `created`), in milliseconds, at {pace:g} events a second; Prefect's own
automations at once, {own} events:

| | p50 | p99 |
|---|---:|---:|
{latencies}
"""


@dataclass(frozen=True)
class Measured:
    """`rate` in runs a second; latencies in milliseconds, none where they were not measured."""

    name: str
    rate: float
    latencies: Sequence[float] = ()


Work = Callable[[aiohttp.ClientSession, PrefectServer], Awaitable[Measured]]


async def bare(session: aiohttp.ClientSession, prefect: PrefectServer, runs: int) -> float:
    """Create runs by single calls, one after another; returns the rate. Several at once are slower here: they wait
    for one another in the server's database.
    """
    deployment = prefect.deployment(FLOW, "bare", "bench")
    started = time.monotonic()
    for number in range(runs):
        await _created(session, f"{prefect.url}/deployments/{deployment}/create_flow_run", _run(number))
    return runs / (time.monotonic() - started)


async def bare_bulk(session: aiohttp.ClientSession, prefect: PrefectServer, runs: int) -> float:
    """Create runs by calls of 100; returns the rate."""
    deployment = prefect.deployment(FLOW, "bare", "bench")
    started = time.monotonic()
    for first in range(0, runs, 100):
        body = [_run(number) for number in range(first, min(first + 100, runs))]
        await _created(session, f"{prefect.url}/deployments/{deployment}/create_flow_run/bulk", body)
    return runs / (time.monotonic() - started)


def _run(number: int) -> dict[str, Any]:
    return {"parameters": {"number": number}, "job_variables": {"env": {"NUMBER": str(number)}}}


async def _created(session: aiohttp.ClientSession, url: str, body: Any) -> None:
    """Call until it is done: the server is busy with itself now and then (503)."""
    while True:
        try:
            async with session.post(url, json=body) as response:
                if response.status < 300:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)


async def ours(
    session: aiohttp.ClientSession, folder: Path, prefect: PrefectServer, runs: int, paced: int
) -> Measured:
    """Events by HTTP, in batches; then one by one, for the latencies."""
    deployment = prefect.until(lambda: prefect.deployment(FLOW, NAME, "bench"))
    write_project(folder, prefect)
    engine = EngineProcess(folder)
    await engine.start(session)
    started = time.monotonic()
    for first in range(0, runs, 100):
        await _accepted(session, engine, [order(number) for number in range(first, min(first + 100, runs))])
    await _delivered(session, engine, runs)
    rate = runs / (time.monotonic() - started)
    sent: dict[int, float] = {}
    for number in range(runs, runs + paced):
        sent[number] = time.time()
        await _accepted(session, engine, [order(number)])
        await asyncio.sleep(max(0.0, sent[number] + 1 / _PACE - time.time()))
    await _delivered(session, engine, runs + paced)
    await engine.stop()
    return Measured("this engine", rate, _latencies(all_runs(prefect, deployment), sent))


async def _accepted(session: aiohttp.ClientSession, engine: EngineProcess, events: list[dict[str, Any]]) -> None:
    async with session.post(f"{engine.url}/api/events", json=events) as response:
        response.raise_for_status()


async def _delivered(session: aiohttp.ClientSession, engine: EngineProcess, runs: int) -> None:
    while (await engine.status(session))["actions"]["delivered"] < runs:
        await asyncio.sleep(0.02)


async def own_automations(session: aiohttp.ClientSession, prefect: PrefectServer, runs: int) -> Measured:
    """Prefect's own: the same events, its own trigger and its own action."""
    deployment = prefect.until(lambda: prefect.deployment(FLOW, "own", "bench"))
    automation = {
        "name": "run each order",
        "trigger": {"type": "event", "expect": ["order.placed"], "for_each": ["prefect.resource.id"],
                    "posture": "Reactive", "threshold": 1, "within": 0},
        "actions": [{"type": "run-deployment", "source": "selected", "deployment_id": deployment,
                     "parameters": {"number": "{{ event.payload.number }}"}, "job_variables": {}}],
    }  # fmt: skip
    prefect.until(lambda: prefect.post("/automations/", automation))
    await asyncio.sleep(3)  # its trigger services load automations every second
    sent: dict[int, float] = {}
    events = [_prefect_event(number) for number in range(runs)]
    for number, event in enumerate(events):
        sent[number] = time.time()
        async with session.post(f"{prefect.url}/events", json=[event]) as response:
            response.raise_for_status()
    deadline = time.monotonic() + _OWN_PATIENCE
    while len(found := all_runs(prefect, deployment)) < runs and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    last = max((_moment(run["created"]) for run in found), default=time.time())
    return Measured(f"Prefect's own automations ({len(found)} of {runs})", len(found) / (last - sent[0]),
                    _latencies(found, sent))  # fmt: skip


def _prefect_event(number: int) -> dict[str, Any]:
    given = order(number)
    return {
        "id": f"00000000-0000-4000-8000-{number:012x}",
        "event": given["event"],
        "occurred": datetime.now().astimezone().isoformat(),
        "resource": {"prefect.resource.id": given["resource"]["id"], "customer": given["resource"]["customer"]},
        "payload": given["payload"],
    }


def _latencies(runs: Sequence[dict[str, Any]], sent: dict[int, float]) -> list[float]:
    numbered = ((int(run["parameters"]["number"]), _moment(run["created"])) for run in runs)
    return [1000 * (created - sent[number]) for number, created in numbered if number in sent]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def measure(folder: Path, runs: int, paced: int, own: int) -> list[Measured]:
    """Measure everything, each on a server of its own: what one still has to do after a thousand runs slows it for
    minutes.
    """

    async def singles(session: aiohttp.ClientSession, prefect: PrefectServer) -> Measured:
        return Measured("bare calls, one by one", await bare(session, prefect, runs))

    async def bulks(session: aiohttp.ClientSession, prefect: PrefectServer) -> Measured:
        return Measured("bare calls, 100 in each", await bare_bulk(session, prefect, runs))

    async def engine(session: aiohttp.ClientSession, prefect: PrefectServer) -> Measured:
        return await ours(session, folder / "project", prefect, runs, paced)

    async def theirs(session: aiohttp.ClientSession, prefect: PrefectServer) -> Measured:
        return await own_automations(session, prefect, own)

    works: list[Work] = [singles, bulks, engine, theirs]
    return [await _with_server(folder / f"prefect{number}", work) for number, work in enumerate(works)]


async def _with_server(folder: Path, work: Work) -> Measured:
    prefect = PrefectServer(folder)
    await asyncio.to_thread(prefect.start)
    try:
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            await bare(session, prefect, _WARM_UP)
            return await work(session, prefect)
    finally:
        await asyncio.to_thread(prefect.stop)


def report(found: Sequence[Measured], runs: int, own: int) -> str:
    """Return the report."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    rates = "\n".join(f"| {each.name} | {each.rate:.1f} | {each.rate / found[0].rate:.2f} |" for each in found)
    latencies = "\n".join(
        f"| {each.name} | {statistics.median(each.latencies):.0f} | {_p99(each.latencies):.0f} |"
        for each in found
        if each.latencies
    )
    return _TEXT.format(machine=machine, rates=rates, latencies=latencies, pace=_PACE, runs=runs, own=own)


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def main() -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(description="Measure event-triggered runs on a Prefect server.")
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--paced", type=int, default=300, help="events for the latencies (300)")
    options.add_argument("--own", type=int, default=100, help="events for Prefect's own automations (100)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="automations-prefect-") as folder:
        found = asyncio.run(measure(Path(folder), chosen.runs, chosen.paced, chosen.own))
    text = report(found, chosen.runs, chosen.own)
    _REPORT.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures the embedded engine: `python benchmarks/embedded.py [--short]`, or `make bench-embedded`.

Writes benchmarks/embedded.md, and prints it. `--short` only shows that everything works, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import statistics
import sys
from pathlib import Path
from typing import Final

from engine_process import HarnessError
from speed.client import CONNECTIONS, Result
from speed.measure import Case, Rates, latencies, rates
from speed.workload import RULES, WORKLOADS

_PACE: Final = 1_000
_REPORT: Final = Path(__file__).with_suffix(".md")
_CASES: Final = (
    Case("tenth", 40_000, 100),
    Case("tenth", 20_000, 1),
    Case("all", 20_000, 100),
    Case("all", 10_000, 1),
)

_TEXT: Final = """\
# The embedded engine, measured

{machine}; engine and client share the machine. {rules} rules, events of 450 to 700 bytes,
each firing with six templated job variables; {connections} keep-alive connections; medians of {rounds} round(s),
each on a new database.

Events a second from the first request until every event is durable and every action stored, as `/api/status`
tells; meanwhile the engine goes on to store the runs. *HTTP*: the same server and client; the body is read and
nothing done. *SQLite*: the same rows of events, firings and actions, the same durability, nothing around it;
commits as large as the requests, and of {connections} events where they come one by one.

| | events/s | HTTP | of it | SQLite | of it |
|---|---:|---:|---:|---:|---:|
{rates}

Acknowledgement at {pace} events a second, one by one, in milliseconds from the moment when each was due:

| | p50 | p99 | worst |
|---|---:|---:|---:|
{latencies}
"""


async def measure_rates(case: Case, rounds: int) -> Rates:
    """Return the median of each rate."""
    found = [await rates(case) for _ in range(rounds)]
    return Rates(*(statistics.median(getattr(r, name) for r in found) for name in ("engine", "http", "sqlite")))


def rate_row(case: Case, found: Rates) -> str:
    """Show one case: the rate, the limits, and which part of each limit is reached."""
    sent = f"{case.batch} in a request" if case.batch > 1 else "one by one"
    limits = (f"{limit:,.0f} | {found.engine / limit:.0%}" for limit in (found.http, found.sqlite))
    return f"| {WORKLOADS[case.workload].name}, {sent} | **{found.engine:,.0f}** | {' | '.join(limits)} |"


def latency_row(name: str, found: Result) -> str:
    """Show latencies in milliseconds."""
    return f"| {name} | {found.p50:.1f} | {found.p99:.1f} | {found.worst:.1f} |"


def report(rate_rows: list[str], latency_rows: list[str], rounds: int) -> str:
    """Put the report together."""
    return _TEXT.format(
        machine=f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        rules=f"{RULES:,}",
        connections=CONNECTIONS,
        rounds=rounds,
        pace=f"{_PACE:,}",
        rates="\n".join(rate_rows),
        latencies="\n".join(latency_rows),
    )


async def benchmark(short: bool) -> str:
    """Measure everything; returns the report."""
    rounds, seconds = (1, 1) if short else (3, 20)
    cases = [Case("tenth", 1_000, 100), Case("all", 200, 1)] if short else list(_CASES)
    rows = [rate_row(case, await measure_rates(case, rounds)) for case in cases]
    engine, idle = await latencies(_PACE, seconds)
    return report(rows, [latency_row("engine, durable", engine), latency_row("HTTP", idle)], rounds)


def main() -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(description="Measure the embedded engine, with its limits beside it.")
    options.add_argument("--short", action="store_true", help="a few seconds: does everything work?")
    short = options.parse_args().short
    try:
        text = asyncio.run(benchmark(short))
    except HarnessError as error:
        print(f"the benchmark could not go on: {error}", file=sys.stderr)
        return 1
    print(text)
    if not short:
        _REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Workers beside peers, on one broker: `python benchmarks/kafka_bench.py [--short]`, or `make bench-kafka`.

Every contender is a process of its own and reads the same number of events of one kilobyte that stand on the topic
already; measured is from the first position that it commits to the last. Rounds are interleaved; medians are told.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from kafka_speed.measure import Bench, Speed, bench_in
from kafka_speed.workload import KINDS, Kind

Contenders = Mapping[str, Callable[[], Awaitable[Speed]]]
AGENT, TAKE, BARE = "a Faust agent that does nothing", "the same, by 100", "transactions that decide nothing"
_HEAD = "| | events/s | least - most | of the faster agent | cores: workers | broker |"
OURS: dict[tuple[Kind, int], str] = {
    ("immediate", 1): "immediate rules, 1 worker",
    ("immediate", 2): "immediate rules, 2 workers",
    ("windowed", 1): "windowed rules, 1 worker",
    ("windowed", 2): "windowed rules, 2 workers",
}


def contenders(bench: Bench, number: int) -> Contenders:
    def ours(kind: Kind, workers: int) -> Callable[[], Awaitable[Speed]]:
        return lambda: bench.ours(number, kind, workers)

    return {
        AGENT: lambda: bench.faust(number, None),
        TAKE: lambda: bench.faust(number, 100),
        BARE: lambda: bench.bare(number),
        **{name: ours(kind, workers) for (kind, workers), name in OURS.items()},
    }


async def run(folder: Path, number: int, rounds: int, seconds: float, groups: int) -> str:
    """Measure everything; returns the report."""
    async with bench_in(folder) as bench:
        speeds: dict[str, list[Speed]] = {}
        for _ in range(rounds):
            for name, measure in contenders(bench, number).items():
                speeds.setdefault(name, []).append(await measure())
                print(f"{name}: {speeds[name][-1].rate:,.0f}", flush=True)
        report = [_speeds(speeds), ""]
        for kind in KINDS:
            rate = statistics.median(speed.rate for speed in speeds[OURS[kind, 1]]) / 2
            report.append(_latency(kind, rate, await bench.latency(kind, rate, seconds)))
        report += ["", _state(groups, *await bench.state(groups))]
        return "\n".join(report)


def _speeds(speeds: Mapping[str, list[Speed]]) -> str:
    median = {name: statistics.median(speed.rate for speed in found) for name, found in speeds.items()}
    agent = max(median[AGENT], median[TAKE])
    rows = [
        "| | events/s | least - most | of the faster agent | cores: workers | broker |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in speeds.items():
        rates = sorted(speed.rate for speed in found)
        cores = [statistics.median(getattr(speed, which) for speed in found) for which in ("workers", "broker")]
        spread = f"{rates[0]:,.0f} - {rates[-1]:,.0f}"
        share = f"{median[name] / agent:.2f} | {cores[0]:.2f} | {cores[1]:.2f}"
        rows.append(f"| {name} | **{median[name]:,.0f}** | {spread} | {share} |")
    return "\n".join(rows)


def _latency(kind: str, rate: float, times: Sequence[float]) -> str:
    if not times:
        return f"{kind} rules at {rate:,.0f} events/s: no action was read"
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    told = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {times[-1]:.0f} ms"
    return f"{kind} rules at {rate:,.0f} events/s: event to action {told}"


def _state(groups: int, held: float, restored: float, seconds: float) -> str:
    memory = f"{held:,.0f} bytes each in the worker that opened them, {restored:,.0f} in one that restored them"
    return f"{groups:,} open groups: {memory}; restored in {seconds:.1f} s"


def main() -> None:
    options = argparse.ArgumentParser(description="Workers beside peers, on one broker.")
    options.add_argument("--short", action="store_true", help="one small round, to see that it works")
    options.add_argument("--events", type=int, default=60_000, help="for each measurement (60,000)")
    options.add_argument("--rounds", type=int, default=3, help="how often (3)")
    options.add_argument(
        "--groups", type=int, default=1_000_000, help="open groups to hold and restore (1,000,000)"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="automations-bench-kafka-") as folder:
        if chosen.short:
            print(asyncio.run(run(Path(folder), 5_000, 1, 3, 5_000)))
        else:
            print(asyncio.run(run(Path(folder), chosen.events, chosen.rounds, 15, chosen.groups)))


if __name__ == "__main__":
    main()

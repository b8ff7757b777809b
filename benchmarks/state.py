"""Measures what open groups take: `python benchmarks/state.py [--groups N]`, or `make bench-state GROUPS=N`.

One event for each of N groups, each in a window of its own; then the windows of half of them close by a firing.
The bytes are those of the cells' rows. Writes benchmarks/state.md where N is a million.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from automations.deploy import ReloadableJobs
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.moment import SECOND
from automations.model.ruleset import RuleSet
from automations.runtime.embedded import EmbeddedEngine
from automations.store import SqliteStore

_BATCH: Final = 500
_LONG: Final = 1_000_000
_REPORT: Final = Path(__file__).with_suffix(".md")
_RULES: Final[dict[str, dict[str, Any]]] = {
    "Reactive, 2 within a minute": {"expect": "order.failed", "threshold": 2, "within": 60},
    "Proactive, a heartbeat a minute": {
        "expect": "order.failed",
        "after": "order.failed",
        "posture": "Proactive",
        "within": 60,
    },
}


class ManualClock:
    def __init__(self) -> None:
        self.moment = 1_767_225_600 * SECOND

    def now(self) -> int:
        return self.moment


def events(groups: range, clock: ManualClock, turn: int) -> Iterator[Sequence[Event]]:
    for start in range(groups.start, groups.stop, _BATCH):
        clock.moment += 1_000
        yield [
            Event(
                source="bench",
                id=f"{turn}-{number}",
                name="order.failed",
                occurred=clock.moment,
                received=clock.moment,
                resource={"prefect.resource.id": f"order.{number}", "customer": f"customer-{number}"},
                payload={"minutes": 5, "region": "eu-west-1", "attempt": turn},
            )
            for number in range(start, min(start + _BATCH, groups.stop))
        ]


async def measure(trigger: dict[str, Any], groups: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file, clock = Path(folder) / "state.db", ManualClock()
        store = SqliteStore.open(file, clock=clock)
        engine = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of={})
        document = {"name": "rule", "trigger": {**trigger, "for_each": "customer"}, "actions": []}
        await engine.start(RuleSet((Automation.model_validate(document),)))
        begun = time.monotonic()
        for batch in events(range(groups), clock, 1):
            await engine.accept(batch)
        rate = groups / (time.monotonic() - begun)
        opened = cells(file)
        for batch in events(range(groups // 2), clock, 2):
            await engine.accept(batch)
        later = cells(file)
        await store.close()
        return [
            f"{opened[0]:,}",
            f"{opened[1] / opened[0]:,.0f}",
            f"{later[0]:,}",
            f"{later[1] / later[0]:,.0f}",
            f"{rate:,.0f}",
        ]


def cells(file: Path) -> tuple[int, int]:
    """Return the number of cells, and the bytes of their states."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        number, size = db.execute("SELECT count(*), total(length(state)) FROM cells").fetchone()
    return int(number), int(size)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split(":", 1)[0])
    options.add_argument("--groups", type=int, default=_LONG)
    groups = options.parse_args().groups
    head = ["trigger", "open groups", "bytes each", "groups, half of them closed", "bytes each", "events/s"]
    rows = [head, ["---"] + ["---:"] * 5]
    rows += [[name, *asyncio.run(measure(trigger, groups))] for name, trigger in _RULES.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    what = f"An event of 350 bytes for each of {groups:,} groups; at most {memory} MB of memory."
    text = f"# State, measured\n\n{what}\n\n{table}\n"
    print(text)
    if groups >= _LONG:
        _REPORT.write_text(text)


if __name__ == "__main__":
    main()

"""Kills the engine under load and audits what is left: `python benchmarks/chaos.py [--kills N]`, or `make chaos`.

Two controls follow, which must fail, or the audit would prove nothing: an engine that acknowledges before it
commits, and a webhook sink that sends without a key. Exits 1 on any violation, and when a control does not fail.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine_process import HarnessError
from faults.audit import Audit
from faults.campaign import Moment, Report, run_campaign
from rich.console import Console
from rich.table import Table

_READY_GOAL: Final = 2.0


@dataclass(frozen=True)
class Control:
    """A defect that is switched on, the moment that shows it, and what the audit must then find."""

    environment: Mapping[str, str]
    moment: Moment
    kills: int
    finds: str
    shown: Callable[[Audit], int]


CONTROLS: Final = {
    "ack-before-commit": Control(
        {"AUTOMATIONS_TEST_ACK_BEFORE_COMMIT": "1"},
        "acknowledged",
        10,
        "lost events",
        lambda found: found.lost["events"],
    ),
    "no-key": Control(
        {"AUTOMATIONS_TEST_NO_KEY": "1"},
        "delivery",
        5,
        "duplicate webhook effects",
        lambda found: found.duplicates["webhook effects"],
    ),
}


def campaign(kills: int, seed: int, moments: Sequence[Moment], environment: Mapping[str, str]) -> Report:
    """Run a campaign in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="automations-chaos-") as folder:
        return asyncio.run(run_campaign(Path(folder), kills, seed, moments, environment))


def check_promise(console: Console, kills: int, seed: int) -> bool:
    """Kill the engine as it is; True when the promise held."""
    report = campaign(kills, seed, ("random", "random", "acknowledged", "delivery"), {})
    console.print(table(report, kills, seed))
    for violation in report.audit.violations:
        console.print(f"VIOLATION {violation}", style="red", markup=False)
    return not report.audit.violations


def check_control(console: Console, name: str, seed: int) -> bool:
    """Kill an engine with a defect; True when the audit found it."""
    control = CONTROLS[name]
    found = control.shown(campaign(control.kills, seed, (control.moment,), control.environment).audit)
    verdict = "fails, as it must" if found else "DID NOT FAIL: the audit is blind"
    console.print(f"control {name}: {found} {control.finds} after {control.kills} kills; {verdict}")
    return found > 0


def table(report: Report, kills: int, seed: int) -> Table:
    """Show what was found."""
    found, ready = report.audit, report.ready
    shown = Table(title=f"{kills} kills (seed {seed})", title_justify="left")
    for heading in ("", "acknowledged", "lost", "more than once"):
        shown.add_column(heading, justify="left" if not heading else "right")
    for what, total in (
        ("events", found.events),
        ("actions of job", found.jobs),
        ("runs", found.jobs),
        ("executions", found.jobs - found.unknown_runs),
        ("windows", found.windows),
        ("webhook effects", found.hooks),
    ):
        shown.add_row(what, *map(str, (total, found.lost[what], found.duplicates[what])))
    shown.add_section()
    shown.add_row("runs whose fate a kill made unknown", str(found.unknown_runs))
    shown.add_row("deliveries repeated under the same key", str(found.repeated_deliveries))
    slow = sum(seconds > _READY_GOAL for seconds in ready)
    times = f"{statistics.median(ready):.2f} s, at most {max(ready):.2f} s"
    shown.add_row("ready after (median)", times, "", f"{slow} above {_READY_GOAL:g} s")
    return shown


def main() -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(description="Kill the engine under load, and audit what is left.")
    options.add_argument("--kills", type=int, default=20, help="how often to kill it (20)")
    options.add_argument("--seed", type=int, default=1, help="decides the moments (1)")
    options.add_argument("--control", choices=[*CONTROLS], help="run this control alone")
    chosen = options.parse_args()
    console = Console(highlight=False)
    try:
        if chosen.control:
            return 0 if check_control(console, chosen.control, chosen.seed) else 1
        held = check_promise(console, chosen.kills, chosen.seed)
        failed = [check_control(console, name, chosen.seed) for name in CONTROLS]
    except HarnessError as error:
        console.print(f"the harness could not go on: {error}", markup=False)
        return 1
    return 0 if held and all(failed) else 1


if __name__ == "__main__":
    sys.exit(main())

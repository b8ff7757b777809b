"""Faults of all kinds against a cluster under load, and the audit of what is left:
`python benchmarks/kafka_chaos.py [--faults N]`, or `make chaos-kafka`.

A control follows, which must fail, or the audit would prove nothing: workers that commit their position before
what follows from it. Exits 1 on any violation, and when the control does not fail.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kafka_faults.campaign import Report, run_campaign
from rich.console import Console
from rich.table import Table

_RATE: Final = 200
"""Events a second."""
_CONTROL_FAULTS: Final = 4


def campaign(faults: int, seed: int, environment: Mapping[str, str], only: str | None = None) -> Report:
    """Run a campaign in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="automations-chaos-kafka-") as folder:
        return asyncio.run(run_campaign(Path(folder), faults, seed, _RATE, environment, only))


def table(report: Report, seed: int) -> Table:
    """Show what was found."""
    kinds = ", ".join(f"{number} {kind}" for kind, number in report.faults.most_common())
    title = (
        f"{report.faults.total()} faults (seed {seed}), {report.events} events, {report.seconds:.0f} s\n{kinds}"
    )
    shown = Table(title=title, title_justify="left")
    for heading in ("", "must be", "lost", "more than once", "strange"):
        shown.add_column(heading, justify="left" if not heading else "right")
    for what, line in report.ledger.lines.items():
        shown.add_row(what, *map(str, (line.expected, line.lost, line.twice, line.strange)))
    shown.add_section()
    shown.add_row("deliveries repeated under the same key", str(report.ledger.repeated_deliveries))
    shown.add_row("offsets behind the end", ", ".join(f"{name} {lag}" for name, lag in report.ledger.lag.items()))
    codes = ", ".join(f"{number} with {code}" for code, number in sorted(report.codes.items()))
    shown.add_row("workers ended", codes)
    return shown


def check_promise(console: Console, faults: int, seed: int) -> bool:
    """Faults against workers as they are; True when the promise held."""
    report = campaign(faults, seed, {})
    console.print(table(report, seed))
    return report.ledger.exact


def check_control(console: Console, seed: int) -> bool:
    """Faults against workers with a defect; True when the audit found it."""
    report = campaign(_CONTROL_FAULTS, seed, {"CHAOS_CONTROL": "offsets-first"}, "crash at a step")
    lost = {what: line.lost for what, line in report.ledger.lines.items() if line.lost}
    verdict = "fails, as it must" if lost else "DID NOT FAIL: the audit is blind"
    console.print(f"control offsets-first: lost {lost} after {_CONTROL_FAULTS} crashes; {verdict}", markup=False)
    return bool(lost)


def main() -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(description="Faults against a Kafka cluster under load, and the audit.")
    options.add_argument("--faults", type=int, default=15, help="how many (15)")
    options.add_argument("--seed", type=int, default=1, help="decides which, and when (1)")
    options.add_argument("--control", action="store_true", help="run the control alone")
    chosen = options.parse_args()
    console = Console(highlight=False)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of a broker that is away it tells each attempt
    held = chosen.control or check_promise(console, chosen.faults, chosen.seed)
    return 0 if check_control(console, chosen.seed) and held else 1


if __name__ == "__main__":
    sys.exit(main())

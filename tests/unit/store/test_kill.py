"""A process that dies at any moment loses nothing that it has acknowledged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from unit.store.samples import ManualClock

from automations.store import SqliteStore

TESTS = Path(__file__).parents[2]


def acknowledged_until_killed(path: Path, life: str, lines: int) -> list[str]:
    """Start a writer, kill it once it has acknowledged so many, return all that it has acknowledged."""
    command = [sys.executable, str(Path(__file__).with_name("writing_child.py")), str(path), life]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})
    with child:
        assert child.stdout is not None
        first = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        rest = child.stdout.read().splitlines(keepends=True)
    return [line.strip() for line in [*first, *rest] if line.endswith("\n")]


async def test_three_kills_lose_nothing_and_leave_a_ledger_that_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    acknowledged: list[str] = []
    for life, lines in enumerate((1, 40, 300)):
        acknowledged += acknowledged_until_killed(path, str(life), lines)
    store = SqliteStore.open(path, clock=ManualClock())
    ledger = await store.reads.ledger()
    await store.close()
    db = sqlite3.connect(path)
    queries = ["SELECT id FROM events", "SELECT id FROM firings", "SELECT id FROM actions"]
    events, *others = [{row[0] for row in db.execute(query)} for query in queries]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert len(acknowledged) >= 341
    assert set(acknowledged) <= events
    assert others == [events, events]
    stored = len(events)
    assert (ledger.accepted, ledger.processed, ledger.fired, ledger.planned) == (stored,) * 4

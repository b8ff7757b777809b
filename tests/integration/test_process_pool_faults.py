"""The process pool when the store, or the record of one run, fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from integration.process_pool import Harness, SystemClock

from automations.errors import StoreUnavailableError
from automations.model.job import Run, RunState, WorkPool
from automations.ports import StateChange, Transaction
from automations.store import SqliteStore


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    (tmp_path / "flows.py").write_text("def nothing():\n    pass\n")
    store = SqliteStore.open(tmp_path / "test.db", clock=SystemClock())
    yield Harness(tmp_path, store, [WorkPool("default")])
    await store.close()


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (1, StoreUnavailableError("disk full")),
        (2, StoreUnavailableError("disk full")),
        (2, TypeError("a fault of ours")),
    ],
    ids=["look back", "claim", "claim, by a fault of ours"],
)
async def test_a_pool_goes_on_after_its_write_failed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, write: int, error: Exception
) -> None:
    run = await harness.schedule("nothing")
    real, writes = harness.store.write, 0

    async def failing(operation: Callable[[Transaction], Any]) -> Any:
        nonlocal writes
        writes += 1
        if writes == write:
            raise error
        return await real(operation)

    monkeypatch.setattr(harness.store, "write", failing)
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED


async def test_a_run_that_cannot_be_settled_after_a_crash_holds_back_no_other(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, unknown = await harness.schedule("nothing"), await harness.schedule("nothing")
    await harness.store.write(lambda tx: tx.claim_runs("default", harness.clock.now(), 9))
    waiting = await harness.schedule("nothing")
    record, records = harness.record, 0

    async def failing(change: StateChange) -> Run:
        nonlocal records
        records += 1
        if records == 1:
            raise TypeError("a fault of ours")
        return await record(change)

    monkeypatch.setattr(harness, "record", failing)
    async with harness.running():
        assert (await harness.until(waiting)).state is RunState.COMPLETED
    assert (await harness.store.reads.run(unknown)).state is RunState.CRASHED
    assert (await harness.store.reads.run(broken)).state is RunState.PENDING

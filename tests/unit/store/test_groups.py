"""Group commit under faults of the disk, of operations and of callers."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from unit.store.samples import ManualClock, add, event

from automations.errors import ConflictError, StoreUnavailableError
from automations.ports import Transaction
from automations.store import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=ManualClock())
    yield opened
    await opened.close()


async def stored(store: SqliteStore) -> set[str]:
    return {e.id for e in (await store.reads.events(limit=1000)).items}


def seen_from_beside(path: Path) -> int:
    """What another process would find: what is committed, and nothing else."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        db.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Real input/output errors: the system refuses to let a file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_an_answer_means_that_it_is_committed(store: SqliteStore, tmp_path: Path) -> None:
    async def write(number: int) -> int:
        await store.write(add(event(str(number))))
        return seen_from_beside(tmp_path / "a.db")

    seen = await asyncio.gather(*map(write, range(20)))
    assert min(seen) >= 1
    assert seen[-1] == 20


async def test_the_control_answers_before_the_commit(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a.db", clock=ManualClock(), acknowledge="before-commit")
    held = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    group: list[Any] = []
    write = asyncio.create_task(store.write(add(event("1"))))
    commit, store._writer._committer.submit = store._writer._committer.submit, hold(group)  # type: ignore[method-assign]
    await write
    assert held.execute("SELECT count(*) FROM events").fetchone() == (0,)
    held.close()
    store._writer._committer.submit = commit  # type: ignore[method-assign]
    future, call = group[0]
    future.set_result(call())
    await store.close()


def hold(group: list[Any]) -> Any:
    """Keep what was to run in the thread, so that the commit waits for us."""

    def submit(function: Any, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        group.append((future, lambda: function(*arguments)))
        return future

    return submit


async def test_operations_of_one_group_see_one_another_in_order(store: SqliteStore) -> None:
    keys = [("test", "1"), ("test", "2")]
    known = await asyncio.gather(
        store.write(add(event("1"))),
        store.write(lambda tx: tx.known_events(keys)),
        store.write(add(event("2"))),
        store.write(lambda tx: tx.known_events(keys)),
    )
    assert (known[1], known[3]) == ({keys[0]}, set(keys))


async def test_listeners_hear_of_a_rollback_before_the_next_operation_runs(store: SqliteStore) -> None:
    order: list[str] = []
    store.add_rollback_listener(lambda: order.append("rolled back"))

    def breaks(tx: Transaction) -> None:
        raise ConflictError("no")

    await asyncio.gather(
        store.write(breaks), store.write(lambda _tx: order.append("next")), return_exceptions=True
    )
    assert order == ["rolled back", "next"]


async def test_an_error_of_a_statement_is_the_operation_s_own(store: SqliteStore) -> None:
    await store.write(add(event("1")))
    results = await asyncio.gather(
        store.write(add(event("1"))), store.write(add(event("2"))), return_exceptions=True
    )
    assert isinstance(results[0], sqlite3.IntegrityError)
    assert await stored(store) == {"1", "2"}
    assert (await store.reads.ledger()).accepted == 2


async def test_an_input_output_error_refuses_the_whole_group_and_keeps_nothing_of_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    await store.write(add(event("1")))
    rolled_back: list[bool] = []
    store.add_rollback_listener(lambda: rolled_back.append(True))
    size = max(file.stat().st_size for file in tmp_path.iterdir())
    body = {"text": "x" * 300_000}
    with files_no_larger_than(size + 4096):
        results = await asyncio.gather(
            store.write(add(event("2"))),
            store.write(add(event("3", payload=body))),
            store.write(add(event("4"))),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert rolled_back
    await store.write(add(event("5")))
    assert await stored(store) == {"1", "5"}
    ledger = await store.reads.ledger()
    assert (ledger.accepted, ledger.processed) == (2, 2)


async def test_a_transaction_that_cannot_begin_refuses_all_that_wait_and_does_not_spin(
    store: SqliteStore, tmp_path: Path
) -> None:
    store._writer._db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(10):
        results = await asyncio.gather(
            *(store.write(add(event(str(n)))) for n in range(150)), return_exceptions=True
        )
    other.execute("ROLLBACK")
    other.close()
    assert {type(result) for result in results} == {StoreUnavailableError}
    await store.write(add(event("after")))
    assert await stored(store) == {"after"}


async def test_an_operation_that_swallows_the_error_of_a_full_disk_is_not_acknowledged(
    store: SqliteStore,
) -> None:
    db = store._writer._db
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")

    def swallows(tx: Transaction) -> None:
        for number in range(200):
            try:
                add(event(f"{number}", payload={"text": "x" * 5000}))(tx)
            except sqlite3.Error:
                db.execute("ROLLBACK")  # as SQLite does by itself after some errors
                return

    with pytest.raises(StoreUnavailableError):
        await store.write(swallows)
    db.execute("PRAGMA max_page_count = 1073741823")
    assert await stored(store) == set()


async def test_callers_that_went_away_leave_their_neighbours_alone(store: SqliteStore) -> None:
    writes = [asyncio.create_task(store.write(add(event(str(n))))) for n in range(10)]
    await asyncio.sleep(0)
    for gone in writes[::2]:
        gone.cancel()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results[1::2]] == [type(None)] * 5
    assert await stored(store) >= {"1", "3", "5", "7", "9"}
    ledger = await store.reads.ledger()
    assert ledger.accepted == len(await stored(store))


async def test_closing_commits_what_waits_and_leaves_one_file(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a.db", clock=ManualClock())
    waiting = asyncio.gather(*(store.write(add(event(str(n)))) for n in range(250)))
    await asyncio.sleep(0)
    await store.close()
    await waiting
    with pytest.raises(StoreUnavailableError):
        await store.write(add(event("late")))
    assert {file.name for file in tmp_path.iterdir()} == {"a.db", "a.db.lock"}
    assert seen_from_beside(tmp_path / "a.db") == 250

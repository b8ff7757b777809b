from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from automations.errors import BadCursorError, ConflictError, NotFoundError, SettingsError, StoreUnavailableError
from automations.model.action import ActionRequest, FailedAction
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.job import LogLine, RunSpec, RunState
from automations.ports import Ledger, Transaction
from automations.store import SqliteStore

NOW = 1_700_000_000_000_000


class StillClock:
    def now(self) -> int:
        return NOW


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
    yield opened
    await opened.close()


def event(identity: str, source: str = "test") -> Event:
    return Event(source, identity, "order.failed", NOW, NOW, {"prefect.resource.id": "r"}, [], {"n": identity})


def add(*events: Event) -> Any:
    return lambda tx: tx.add_events(events, [orjson.dumps(e.to_dict()) for e in events], [None] * len(events))


def action(identity: str) -> ActionRequest:
    return ActionRequest(identity, "f", "rule", "call-webhook", "actions", 0, {"url": "https://x.example"})


def failed(identity: str) -> FailedAction:
    return FailedAction(identity, "f", "rule", "call-webhook", "actions", 0, "undefined", "'x' is undefined")


def run(identity: str, key: str | None = None, pool: str = "local") -> RunSpec:
    return RunSpec(identity, identity, "a/b", pool, {}, {}, {}, {}, "x.py:f", ".", idempotency_key=key)


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    first = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
    await first.write(add(event("1"), event("2")))
    await first.write(lambda tx: tx.save_cells({("a", "[]"): (b"{}", None)}, NOW))
    await first.close()
    second = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
    assert [e.id for e in (await second.reads.events()).items] == ["2", "1"]
    assert await second.write(lambda tx: tx.load_cells([("a", "[]"), ("b", "[]")])) == {("a", "[]"): b"{}"}
    assert (await second.reads.ledger()).accepted == 2
    await second.close()


async def test_a_second_engine_on_the_same_file_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        SqliteStore.open(tmp_path / "a.db", clock=StillClock())


async def test_an_operation_that_raises_is_rolled_back_alone(store: SqliteStore) -> None:
    def breaks(tx: Transaction) -> None:
        add(event("bad"))(tx)
        raise RuntimeError("boom")

    rolled_back = []
    store.add_rollback_listener(lambda: rolled_back.append(True))
    results = await asyncio.gather(
        store.write(add(event("1"))), store.write(breaks), store.write(add(event("2"))), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), RuntimeError, type(None)]
    assert {e.id for e in (await store.reads.events()).items} == {"1", "2"}
    assert (await store.reads.ledger()).accepted == 2
    assert rolled_back


async def test_a_full_disk_refuses_the_group_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
    await store.write(add(event("1")))
    connection = store._writer._db
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    big = Event("test", "big", "x", NOW, NOW, {"prefect.resource.id": "r"}, [], {"text": "x" * 200_000})
    with pytest.raises(StoreUnavailableError):
        await store.write(add(big))
    connection.execute("PRAGMA max_page_count = 1073741823")
    await store.write(add(event("2")))
    assert {e.id for e in (await store.reads.events()).items} == {"1", "2"}
    assert (await store.reads.ledger()).accepted == 2
    await store.close()


async def test_the_caller_that_went_away_does_not_break_its_group(store: SqliteStore) -> None:
    gone = asyncio.create_task(store.write(add(event("1"))))
    await asyncio.sleep(0)
    gone.cancel()
    await store.write(add(event("2")))
    assert "2" in {e.id for e in (await store.reads.events()).items}


async def test_the_same_source_and_id_are_known(store: SqliteStore) -> None:
    await store.write(add(*(event(str(n)) for n in range(200))))
    keys = [("test", "1"), ("other", "1"), ("test", "199"), ("test", "200")]
    assert await store.write(lambda tx: tx.known_events(keys)) == {("test", "1"), ("test", "199")}


async def test_an_event_is_found_by_its_bare_id_while_that_is_unique(store: SqliteStore) -> None:
    await store.write(add(event("1"), event("2"), event("2", source="other")))
    assert (await store.reads.event("1")).key == ("test", "1")
    assert (await store.reads.event("other/2")).key == ("other", "2")
    with pytest.raises(ConflictError):
        await store.reads.event("2")
    with pytest.raises(NotFoundError):
        await store.reads.event("3")


async def test_listings_page_from_the_newest_and_stay_put_while_more_comes(store: SqliteStore) -> None:
    await store.write(add(*(event(str(n)) for n in range(5))))
    first = await store.reads.events(limit=2)
    await store.write(add(event("new")))
    second = await store.reads.events(limit=2, cursor=first.next)
    third = await store.reads.events(limit=2, cursor=second.next)
    assert [e.id for page in (first, second, third) for e in page.items] == ["4", "3", "2", "1", "0"]
    assert third.next is None
    with pytest.raises(BadCursorError):
        await store.reads.events(cursor="nonsense")


async def test_a_firing_is_stored_once(store: SqliteStore) -> None:
    await store.write(add(event("1")))
    firing = Firing("f1", "rule", "fire", NOW, {"a": "b"}, event("1"), (event("1"),))
    assert await store.write(lambda tx: tx.add_firings([firing, firing], NOW)) == {"f1"}
    assert await store.write(lambda tx: tx.add_firings([firing], NOW)) == set()
    assert (await store.reads.ledger()).fired == 1
    assert (await store.reads.firing("f1")).firing == firing


def adds_up(ledger: Ledger, pending: int) -> bool:
    return ledger.planned == ledger.delivered + ledger.dead + pending and ledger.accepted == ledger.processed


async def test_the_ledger_adds_up_through_every_end_of_an_action(store: SqliteStore) -> None:
    planned = [(action(name), "webhook") for name in "abc"] + [(failed("d"), "webhook")]
    await store.write(lambda tx: tx.add_actions(planned, NOW))
    assert adds_up(await store.reads.ledger(), 3)
    due = await store.write(lambda tx: tx.due_actions("webhook", NOW, 10, ["c"]))
    assert [row.id for row in due] == ["a", "b"]
    await store.write(lambda tx: tx.store_prepared("a", {"url": "x"}))
    await store.write(lambda tx: tx.action_retry("a", "busy", NOW + 5))
    assert [r.id for r in await store.write(lambda tx: tx.due_actions("webhook", NOW, 10, []))] == ["b", "c"]
    (again,) = await store.write(lambda tx: tx.due_actions("webhook", NOW + 5, 10, ["b", "c"]))
    assert (again.attempts, again.prepared) == (1, {"url": "x"})
    await store.write(lambda tx: tx.action_delivered("a", "200", NOW))
    await store.write(lambda tx: tx.action_dead("b", "rejected", "400", NOW))
    assert adds_up(await store.reads.ledger(), 1)
    with pytest.raises(ConflictError):
        await store.write(lambda tx: tx.action_delivered("b", "", NOW))
    await store.write(lambda tx: tx.redrive("b", action("b2"), "webhook", NOW))
    with pytest.raises(ConflictError):
        await store.write(lambda tx: tx.redrive("b", action("b3"), "webhook", NOW))
    await store.write(lambda tx: tx.discard("d"))
    ledger = await store.reads.ledger()
    assert adds_up(ledger, 2)
    assert (ledger.planned, ledger.delivered, ledger.dead) == (5, 1, 2)
    assert [letter.id for letter in (await store.reads.dead_letters()).items] == []
    states = {letter.id: letter.state for letter in (await store.reads.dead_letters(state=None)).items}
    assert states == {"b": "redriven", "d": "discarded"}


async def test_an_action_that_exists_is_left_as_it_is(store: SqliteStore) -> None:
    for _ in range(2):
        await store.write(lambda tx: tx.add_actions([(action("a"), "webhook")], NOW))
    assert (await store.reads.ledger()).planned == 1


async def test_a_run_is_made_once_for_its_id_and_for_its_key(store: SqliteStore) -> None:
    assert await store.write(lambda tx: tx.add_run(run("r1", key="k"), NOW))
    assert not await store.write(lambda tx: tx.add_run(run("r1"), NOW))
    assert not await store.write(lambda tx: tx.add_run(run("r2", key="k"), NOW))
    assert await store.write(lambda tx: tx.run_by_key("a/b", "k")) == "r1"
    assert await store.write(lambda tx: tx.run_by_key("a/c", "k")) is None


async def test_runs_are_claimed_oldest_first_and_end_once(store: SqliteStore) -> None:
    for name in ("r1", "r2", "r3"):
        await store.write(lambda tx, name=name: tx.add_run(run(name), NOW))  # type: ignore[misc]
    claimed = await store.write(lambda tx: tx.claim_runs("local", NOW, 2))
    assert [(r.spec.id, r.state) for r in claimed] == [("r1", RunState.PENDING), ("r2", RunState.PENDING)]
    await store.write(lambda tx: tx.set_run_state("r1", RunState.RUNNING, NOW + 1, pid=7))
    ended = await store.write(lambda tx: tx.set_run_state("r1", RunState.COMPLETED, NOW + 2, exit_code=0))
    assert (ended.started, ended.ended, ended.exit_code) == (NOW + 1, NOW + 2, 0)
    with pytest.raises(ConflictError):
        await store.write(lambda tx: tx.set_run_state("r1", RunState.FAILED, NOW))
    assert [r.spec.id for r in await store.write(lambda tx: tx.unfinished_runs())] == ["r2"]
    lines = [LogLine("r1", NOW, "stdout", str(n)) for n in range(3)]
    await store.write(lambda tx: tx.add_logs(lines))
    numbered = await store.reads.logs("r1")
    assert [line.text for _, line in await store.reads.logs("r1", after=numbered[0][0])] == ["1", "2"]


async def test_readers_cannot_write(store: SqliteStore, tmp_path: Path) -> None:
    await store.write(add(event("1")))
    with sqlite3.connect(f"file:{tmp_path / 'a.db'}?mode=ro", uri=True) as reader, pytest.raises(sqlite3.Error):
        reader.execute("DELETE FROM events")
    reader.close()


async def test_who_remembers_what_was_undone_is_told_the_latest_first_before_anything_else_runs(
    store: SqliteStore,
) -> None:
    told: list[str] = []

    def remember(name: str, failure: Exception | None = None) -> Callable[[Transaction], None]:
        def operation(tx: Transaction) -> None:
            told.append(name)
            for what in ("first", "second"):
                tx.after_rollback(lambda what=what: told.append(f"{name} {what} undone"))  # type: ignore[misc]
            if failure is not None:
                raise failure

        return operation

    operations = [remember("a"), remember("b", ConflictError("no")), remember("c")]
    await asyncio.gather(*map(store.write, operations), return_exceptions=True)
    assert told == ["a", "b", "b second undone", "b first undone", "c"]
    told.clear()
    full = sqlite3.OperationalError("disk full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    await asyncio.gather(*map(store.write, [remember("a"), remember("b", full)]), return_exceptions=True)
    undone = [f"{name} {what} undone" for name in "ba" for what in ("second", "first")]
    assert told == ["a", "b", *undone]

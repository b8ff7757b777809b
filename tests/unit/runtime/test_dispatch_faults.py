"""Dispatch when the store, a sink or the engine fails, and the moments between its commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from unit.store.samples import ManualClock, action, add, event, run

from automations.errors import JobVariableErrors, NotFoundError, PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.job import RunSpec
from automations.model.moment import SECOND
from automations.ports import ActionRow, Dead, Delivery, Done, Retry, Transaction
from automations.runtime.dispatch import Dispatcher, SinkBinding
from automations.runtime.retry import RetryPolicy
from automations.store import SqliteStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=clock)
    yield opened
    await opened.close()


class Recorder:
    """A sink that does as it is told."""

    action_types = frozenset({"call-webhook"})

    def __init__(
        self,
        deliver: Callable[[JsonObject], Delivery] = lambda _prepared: Done("ok"),
        *,
        local: bool = False,
        prepare: Callable[[ActionRequest], JsonObject] = lambda request: {"id": request.id},
    ) -> None:
        self.local = local
        self._deliver, self._prepare = deliver, prepare
        self.sent: list[str] = []
        self.most, self._now = 0, 0
        self.open = asyncio.Event()
        self.open.set()

    async def prepare(self, request: ActionRequest) -> JsonObject:
        return self._prepare(request)

    async def deliver(self, prepared: JsonObject) -> Delivery:
        self.sent.append(prepared["id"])
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.open.wait()
            return self._deliver(prepared)
        finally:
            self._now -= 1

    async def close(self) -> None:
        """Nothing to let go of."""


class Bench:
    """A dispatcher over one sink, and the moments at which its actions are settled."""

    def __init__(self, store: SqliteStore, clock: ManualClock, sink: Recorder, **changes: Any) -> None:
        self.store, self.clock = store, clock
        self.settled: asyncio.Queue[tuple[ActionRow, Delivery]] = asyncio.Queue()
        retry = changes.pop("retry", RetryPolicy(max_attempts=3, base=SECOND, cap=8 * SECOND))
        binding = SinkBinding("web", sink, in_flight=changes.pop("in_flight", 4), retry=retry)
        self.dispatcher = Dispatcher(
            store,
            {"web": binding},
            clock,
            random=lambda: 0.5,
            add_run=changes.pop("add_run", lambda tx, spec: tx.add_run(spec, clock.now())),
            on_settled=lambda row, delivery: self.settled.put_nowait((row, delivery)),
        )

    async def plan(self, *identities: str) -> None:
        planned = [(action(identity), "web") for identity in identities]
        await self.store.write(lambda tx: tx.add_actions(planned, self.clock.now()))
        self.dispatcher.wake("web")

    async def next(self) -> tuple[str, Delivery]:
        async with asyncio.timeout(10):
            row, delivery = await self.settled.get()
        return row.id, delivery

    async def row(self, identity: str) -> ActionRow:
        rows: list[ActionRow] = [r for r in (await self.store.reads.actions()).items if r.id == identity]
        return rows[0]

    async def until(self, holds: Callable[[ActionRow], bool], identity: str) -> ActionRow:
        async with asyncio.timeout(10):
            while not holds(row := await self.row(identity)):
                await asyncio.sleep(0)
        return row


async def test_what_is_sent_was_stored_before(store: SqliteStore, clock: ManualClock) -> None:
    sink = Recorder()
    sink.open.clear()
    bench = Bench(store, clock, sink)
    bench.dispatcher.start()
    await bench.plan("a")
    async with asyncio.timeout(10):
        while not sink.sent:
            await asyncio.sleep(0)
    assert (await bench.row("a")).prepared == {"id": "a"}
    sink.open.set()
    assert await bench.next() == ("a", Done("ok"))
    await bench.dispatcher.stop(1)


async def test_a_retry_waits_for_its_moment(store: SqliteStore, clock: ManualClock) -> None:
    answers: list[Delivery] = [Retry("busy", after=60 * SECOND), Done("ok"), Done("ok")]
    bench = Bench(store, clock, sink := Recorder(lambda _prepared: answers.pop(0)))
    bench.dispatcher.start()
    await bench.plan("a")
    row = await bench.until(lambda row: row.attempts == 1, "a")
    assert (row.state, row.error, row.next_attempt) == ("pending", "busy", clock.now() + 60 * SECOND)
    clock.moment += 60 * SECOND - 1
    await bench.plan("b")
    assert await bench.next() == ("b", Done("ok"))
    assert sink.sent == ["a", "b"]
    clock.moment += 1
    bench.dispatcher.wake()
    assert await bench.next() == ("a", Done("ok"))
    await bench.dispatcher.stop(1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PrepareError("no such address", code="address", hint="use https"), "address"),
        (JobVariableErrors(["cpu: 4 is no text"], code="policy"), "policy"),
        (NotFoundError("there is no deployment 'x'"), "not-found"),
    ],
)
async def test_a_request_that_cannot_be_prepared_is_dead_and_is_not_sent(
    store: SqliteStore, clock: ManualClock, error: Exception, code: str
) -> None:
    def prepare(request: ActionRequest) -> JsonObject:
        raise error

    bench = Bench(store, clock, sink := Recorder(prepare=prepare))
    bench.dispatcher.start()
    await bench.plan("a")
    _, delivery = await bench.next()
    assert isinstance(delivery, Dead)
    assert delivery.code == code
    assert (await store.reads.dead_letter("a")).code == code
    assert sink.sent == []
    await bench.dispatcher.stop(1)


async def test_an_action_that_is_too_old_is_given_up_at_its_next_failure(
    store: SqliteStore, clock: ManualClock
) -> None:
    retry = RetryPolicy(max_attempts=99, max_age=60 * SECOND)
    bench = Bench(store, clock, Recorder(lambda _prepared: Retry("down")), retry=retry)
    await bench.plan("a")
    clock.moment += 60 * SECOND
    bench.dispatcher.start()
    _, delivery = await bench.next()
    assert delivery == Dead("retries-exhausted", "gave up after 1 attempts in 1m: down")
    await bench.dispatcher.stop(1)


async def test_an_action_of_the_future_is_given_up_at_no_negative_age(
    store: SqliteStore, clock: ManualClock
) -> None:
    bench = Bench(store, clock, Recorder(lambda _prepared: Retry("down")), retry=RetryPolicy(max_attempts=1))
    await bench.plan("a")
    clock.moment -= 3600 * SECOND
    await store.write(lambda tx: tx.clock_set_back(3600 * SECOND, clock.now()))
    bench.dispatcher.start()
    _, delivery = await bench.next()
    assert delivery == Dead("retries-exhausted", "gave up after 1 attempts in 0s: down")
    await bench.dispatcher.stop(1)


async def test_no_more_than_the_bound_is_in_flight(store: SqliteStore, clock: ManualClock) -> None:
    sink = Recorder()
    bench = Bench(store, clock, sink, in_flight=3)
    bench.dispatcher.start()
    await bench.plan(*(str(n) for n in range(20)))
    for _ in range(20):
        await bench.next()
    assert sink.most <= 3
    assert sorted(sink.sent) == sorted(str(n) for n in range(20))
    await bench.dispatcher.stop(1)


# --- runs ------------------------------------------------------------------------------------------------------


async def test_a_run_is_committed_with_the_action_that_brought_it(store: SqliteStore, clock: ManualClock) -> None:
    sink = Recorder(lambda prepared: Done(prepared["id"], run(prepared["id"])), local=True)
    bench = Bench(store, clock, sink)
    bench.dispatcher.start()
    await bench.plan("r1")
    await bench.next()
    assert (await store.reads.run("r1")).spec.id == "r1"
    row = await bench.row("r1")
    assert (row.state, row.reference, row.prepared) == ("delivered", "r1", {"id": "r1"})
    await bench.dispatcher.stop(1)


async def test_a_run_that_the_engine_cannot_take_leaves_the_action_to_be_tried_again_and_given_up(
    store: SqliteStore, clock: ManualClock
) -> None:
    def add_run(tx: Transaction, spec: RunSpec) -> None:
        tx.add_run(spec, clock.now())
        raise RuntimeError("boom")

    sink = Recorder(lambda prepared: Done("", run(prepared["id"])), local=True)
    bench = Bench(store, clock, sink, add_run=add_run, retry=RetryPolicy(max_attempts=2, base=0))
    bench.dispatcher.start()
    await bench.plan("r1")
    _, delivery = await bench.next()
    assert delivery == Dead("retries-exhausted", "gave up after 2 attempts in 0s: RuntimeError: boom")
    assert (await store.reads.runs()).items == []
    await bench.dispatcher.stop(1)


# --- the store -------------------------------------------------------------------------------------------------


async def test_an_answer_that_came_while_the_disk_was_full_is_kept_and_not_asked_for_again(
    store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automations.runtime.dispatch._STORE_PAUSE", 0.01)
    db = store._writer._db

    def deliver(prepared: JsonObject) -> Delivery:
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        return Done("x" * 20_000)

    bench = Bench(store, clock, sink := Recorder(deliver))
    bench.dispatcher.start()
    await bench.plan("a")
    failed = asyncio.Event()
    store.add_rollback_listener(failed.set)
    async with asyncio.timeout(10):
        await failed.wait()
    db.execute("PRAGMA max_page_count = 1073741823")
    identity, _ = await bench.next()
    assert (identity, sink.sent) == ("a", ["a"])
    assert (await bench.row("a")).state == "delivered"
    await bench.dispatcher.stop(1)


async def test_an_action_that_was_settled_meanwhile_is_left_as_it_is(
    store: SqliteStore, clock: ManualClock
) -> None:
    sink = Recorder()
    sink.open.clear()
    bench = Bench(store, clock, sink)
    bench.dispatcher.start()
    await bench.plan("a")
    async with asyncio.timeout(10):
        while not sink.sent:
            await asyncio.sleep(0)
    await store.write(lambda tx: tx.action_dead("a", "withdrawn", "by hand", clock.now()))
    sink.open.set()
    await bench.plan("b")
    assert (await bench.next())[0] == "b"
    assert (await bench.row("a")).code == "withdrawn"
    await bench.dispatcher.stop(1)


async def test_a_stop_lets_what_is_in_flight_end_and_takes_nothing_more(
    store: SqliteStore, clock: ManualClock
) -> None:
    sink = Recorder()
    sink.open.clear()
    bench = Bench(store, clock, sink, in_flight=1)
    bench.dispatcher.start()
    await bench.plan("a", "b")
    async with asyncio.timeout(10):
        while not sink.sent:
            await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.dispatcher.stop(10))
    await store.write(add(event("1")))
    sink.open.set()
    await stopping
    assert sink.sent == ["a"]
    assert [(await bench.row(identity)).state for identity in "ab"] == ["delivered", "pending"]

"""A wall clock that is set, back and ahead: what waits comes in its time, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.runtime.test_dispatch_faults import Bench, Recorder
from unit.store.samples import ManualClock, action, run

from automations.model.moment import SECOND
from automations.ports import Delivery, Done, Retry
from automations.runtime.clock_steps import ClockSteps
from automations.store import SqliteStore

HOUR = 3600 * SECOND


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def steps(store: SqliteStore, clock: ManualClock) -> ClockSteps:
    steps = ClockSteps(store, clock, lambda: None)
    await steps.look()
    return steps


async def due_runs(store: SqliteStore, clock: ManualClock) -> list[str]:
    claimed = await store.write(lambda tx: tx.claim_runs("local", clock.now(), 9))
    return [run.spec.id for run in claimed]


async def due_actions(store: SqliteStore, clock: ManualClock) -> list[str]:
    return [row.id for row in await store.write(lambda tx: tx.due_actions("web", clock.now(), 9, ()))]


async def test_a_clock_set_back_makes_no_action_and_no_run_wait_longer(
    store: SqliteStore, clock: ManualClock, steps: ClockSteps
) -> None:
    await store.write(lambda tx: tx.add_actions([(action("new"), "web"), (action("retry"), "web")], clock.now()))
    await store.write(lambda tx: tx.action_retry("retry", "busy", clock.now() + 60 * SECOND))
    await store.write(lambda tx: tx.add_run(run("now"), clock.now()))
    await store.write(lambda tx: tx.add_run(run("later", scheduled_for=clock.now() + 2 * HOUR), clock.now()))
    clock.moment -= HOUR
    await steps.look()
    assert await due_actions(store, clock) == ["new"]
    assert await due_runs(store, clock) == ["now"]
    clock.moment += 60 * SECOND
    assert await due_actions(store, clock) == ["new", "retry"]
    clock.moment += 2 * HOUR - 61 * SECOND
    assert await due_runs(store, clock) == []
    clock.moment += SECOND
    assert await due_runs(store, clock) == ["later"]


async def test_a_clock_set_back_while_the_engine_was_down_is_noticed_at_the_start(
    store: SqliteStore, clock: ManualClock, steps: ClockSteps
) -> None:
    del steps  # it has looked, and remembers
    await store.write(lambda tx: tx.add_run(run("now"), clock.now()))
    clock.moment -= HOUR
    for _life in range(2):
        await ClockSteps(store, clock, lambda: None).look()
    assert await store.reads.last_clock() == clock.now()
    assert await due_runs(store, clock) == ["now"]


async def test_a_clock_that_only_goes_on_moves_nothing(
    store: SqliteStore, clock: ManualClock, steps: ClockSteps
) -> None:
    await store.write(lambda tx: tx.add_run(run("later", scheduled_for=clock.now() + 90 * SECOND), clock.now()))
    for _ in range(89):
        clock.moment += SECOND
        await steps.look()
    assert await due_runs(store, clock) == []
    clock.moment += SECOND
    assert await due_runs(store, clock) == ["later"]


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_a_retry_is_sent_once_and_in_time_though_the_clock_is_set(
    store: SqliteStore, clock: ManualClock, step: int
) -> None:
    answers: list[Delivery] = [Retry("busy", after=60 * SECOND)]
    bench = Bench(store, clock, sink := Recorder(lambda _prepared: answers.pop() if answers else Done("ok")))
    steps = ClockSteps(store, clock, bench.dispatcher.wake)
    await steps.look()
    bench.dispatcher.start()
    await bench.plan("a")
    await bench.until(lambda row: row.attempts == 1, "a")
    clock.moment += step
    await steps.look()
    if step < 0:
        assert (await bench.row("a")).next_attempt == clock.now() + 60 * SECOND
        clock.moment += 60 * SECOND
    bench.dispatcher.wake()
    assert await bench.next() == ("a", Done("ok"))
    assert sink.sent == ["a", "a"]
    await bench.dispatcher.stop(1)


async def test_the_clock_is_looked_at_without_being_asked(store: SqliteStore, clock: ManualClock) -> None:
    stepped = asyncio.Event()
    await store.write(lambda tx: tx.clock_seen(clock.now() + HOUR))
    task = asyncio.create_task(ClockSteps(store, clock, stepped.set).run())
    async with asyncio.timeout(10):
        await stepped.wait()
    task.cancel()


async def test_a_hundred_steps_lose_and_repeat_nothing(
    store: SqliteStore, clock: ManualClock, steps: ClockSteps
) -> None:
    claimed = []
    for number in range(100):
        spec = run(f"{number:03}", scheduled_for=clock.now() + 10 * SECOND if number % 3 else None)
        await store.write(lambda tx, spec=spec: tx.add_run(spec, clock.now()))
        clock.moment += (-HOUR if number % 2 else HOUR) + SECOND
        await steps.look()
        claimed += await due_runs(store, clock)
    clock.moment += 10 * SECOND
    claimed += await due_runs(store, clock)
    assert sorted(claimed) == [f"{number:03}" for number in range(100)]

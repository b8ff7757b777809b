"""Actions that no sink of this engine carries out: dead letters at once, and redriven only to a sink."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.runtime.test_embedded import event, started
from unit.store.samples import ManualClock, action

from automations.errors import ConflictError
from automations.model.moment import SECOND
from automations.runtime.dispatch import Dispatcher
from automations.store import SqliteStore

RULE = {"trigger": {"expect": "a"}, "actions": [{"type": "call-webhook", "url": "https://example.com"}]}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=clock)
    yield opened
    await opened.close()


async def test_an_action_without_a_sink_is_not_redriven_to_nowhere(store: SqliteStore, clock: ManualClock) -> None:
    engine = await started(store, clock, RULE)
    await engine.accept([event("a", clock)])
    (letter,) = (await store.reads.dead_letters()).items
    with pytest.raises(ConflictError) as caught:
        await engine.redrive(letter.id)
    assert caught.value.code == "no-sink"
    assert "[sinks.NAME]" in str(caught.value)
    assert (await store.reads.dead_letter(letter.id)).state == "open"


async def test_an_action_without_a_sink_is_redriven_once_there_is_one(
    store: SqliteStore, clock: ManualClock
) -> None:
    await (await started(store, clock, RULE)).accept([event("a", clock)])
    (letter,) = (await store.reads.dead_letters()).items
    again = await (await started(store, clock, RULE, **{"call-webhook": "web"})).redrive(letter.id)
    (pending,) = (await store.reads.actions(state="pending")).items
    assert (pending.id, pending.sink) == (again, "web")


async def test_what_waits_for_a_sink_that_is_gone_is_dead_after_the_start(
    store: SqliteStore, clock: ManualClock
) -> None:
    await store.write(lambda tx: tx.add_actions([(action(str(n)), "gone") for n in range(150)], clock.now()))
    await store.write(lambda tx: tx.action_retry("0", "busy", clock.now() + 60 * SECOND))
    dispatcher = Dispatcher(store, {}, clock, random=lambda: 0.5, add_run=lambda _tx, _run: None)
    dispatcher.start()
    async with asyncio.timeout(10):
        while (await store.reads.ledger()).dead < 150:
            await asyncio.sleep(0)
    letter = await store.reads.dead_letter("0")
    assert (letter.code, letter.state) == ("no-sink", "open")
    assert "'gone'" in letter.reason
    await dispatcher.stop(1)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.ports import Dead, Delivery, Done, Retry
from automations.runtime.dispatch import Dispatcher, SinkBinding
from automations.runtime.retry import RetryPolicy
from automations.store import SqliteStore

NOW = 1_700_000_000_000_000


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> int:
        self.moment += 1
        return self.moment


class Peer:
    """A sink that answers what it is told, and keeps what it was sent."""

    action_types = frozenset({"call-webhook"})
    local = False

    def __init__(self, *answers: Delivery | Exception) -> None:
        self.answers, self.sent, self.prepared = list(answers), list[JsonObject](), 0
        self.gate: asyncio.Event | None = None

    async def prepare(self, request: ActionRequest) -> JsonObject:
        if request.body.get("bad"):
            raise PrepareError("it can never be sent")
        self.prepared += 1
        return {"id": request.id, "number": self.prepared}

    async def deliver(self, prepared: JsonObject) -> Delivery:
        self.sent.append(prepared)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Done("ok")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=Clock())
    yield opened
    await opened.close()


def action(identity: str, **body: Any) -> ActionRequest:
    return ActionRequest(identity, "f", "rule", "call-webhook", "actions", 0, body)


async def dispatch(store: SqliteStore, actions: list[tuple[ActionRequest, str]], **sinks: Peer) -> Dispatcher:
    await store.write(lambda tx: tx.add_actions(actions, NOW))
    retry = RetryPolicy(max_attempts=3, base=1, cap=2)
    bindings = {name: SinkBinding(name, sink, in_flight=2, retry=retry) for name, sink in sinks.items()}
    dispatcher = Dispatcher(store, bindings, Clock(), random=lambda: 0.5, add_run=lambda _tx, _run: None)
    dispatcher.start()
    return dispatcher


async def settled(store: SqliteStore, delivered: int = 0, dead: int = 0) -> None:
    async with asyncio.timeout(10):
        while True:
            ledger = await store.reads.ledger()
            if (ledger.delivered, ledger.dead) == (delivered, dead):
                return
            await asyncio.sleep(0.01)


async def test_a_retry_sends_what_is_stored(store: SqliteStore) -> None:
    peer = Peer(Retry("busy"), RuntimeError("boom"), Done("ok"))
    dispatcher = await dispatch(store, [(action("a"), "peer")], peer=peer)
    await settled(store, delivered=1)
    assert peer.sent == [{"id": "a", "number": 1}] * 3
    await dispatcher.stop(1)


async def test_what_is_refused_for_good_is_dead_at_once(store: SqliteStore) -> None:
    peer = Peer(Dead("rejected", "400"))
    dispatcher = await dispatch(store, [(action("a"), "peer"), (action("b", bad=True), "peer")], peer=peer)
    await settled(store, dead=2)
    letters = {letter.id: letter.code for letter in (await store.reads.dead_letters()).items}
    assert letters == {"a": "rejected", "b": "refused"}
    await dispatcher.stop(1)


async def test_a_sink_that_never_answers_well_is_given_up(store: SqliteStore) -> None:
    peer = Peer(*[Retry("down")] * 9)
    dispatcher = await dispatch(store, [(action("a"), "peer")], peer=peer)
    await settled(store, dead=1)
    assert len(peer.sent) == 3
    (letter,) = (await store.reads.dead_letters()).items
    assert letter.code == "retries-exhausted"
    assert "down" in letter.reason
    await dispatcher.stop(1)


async def test_a_slow_sink_holds_back_no_other(store: SqliteStore) -> None:
    slow, quick = Peer(), Peer()
    slow.gate = asyncio.Event()
    actions = [(action(f"s{n}"), "slow") for n in range(5)] + [(action(f"q{n}"), "quick") for n in range(5)]
    dispatcher = await dispatch(store, actions, slow=slow, quick=quick)
    await settled(store, delivered=5)
    assert len(slow.sent) == 2  # bounded in flight
    slow.gate.set()
    await settled(store, delivered=10)
    await dispatcher.stop(1)


async def test_what_is_cut_off_by_a_stop_is_sent_again_as_stored_by_the_next_life(store: SqliteStore) -> None:
    first = Peer()
    first.gate = asyncio.Event()
    dispatcher = await dispatch(store, [(action("a"), "peer")], peer=first)
    async with asyncio.timeout(10):
        while not first.sent:
            await asyncio.sleep(0.01)
    await dispatcher.stop(0.01)
    second = Peer()
    dispatcher = await dispatch(store, [], peer=second)
    await settled(store, delivered=1)
    assert second.sent == first.sent
    assert second.prepared == 0
    await dispatcher.stop(1)

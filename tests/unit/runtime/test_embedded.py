"""What the embedded engine decides, on a real store and a clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from automations.deploy import ReloadableJobs
from automations.engine import Index
from automations.errors import ConflictError, Refused, StoreUnavailableError
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.job import Deployment, JobFile, LogLine, WorkPool
from automations.model.moment import DAY, SECOND
from automations.model.ruleset import RuleSet
from automations.ports import PausableKind
from automations.runtime.embedded import Bounds, EmbeddedEngine
from automations.store import Retention, SqliteStore

NOW = 1_767_225_600 * SECOND


class ManualClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> int:
        return self.moment


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=clock)
    yield opened
    await opened.close()


def rules(*documents: dict[str, Any]) -> RuleSet:
    filled = ({"name": f"rule-{n}", "actions": [], **document} for n, document in enumerate(documents))
    return RuleSet(tuple(Automation.model_validate(document) for document in filled))


def event(name: str, clock: ManualClock, key: str = "1", **labels: str) -> Event:
    return Event("t", key, name, clock.moment, clock.moment, {"prefect.resource.id": "r", **labels})


async def started(
    store: SqliteStore, clock: ManualClock, *documents: dict[str, Any], **sinks: str
) -> EmbeddedEngine:
    engine = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of=sinks)
    await engine.start(rules(*documents))
    return engine


async def firings(store: SqliteStore) -> list[tuple[str, int]]:
    page = await store.reads.firings()
    return [(stored.firing.automation, (stored.firing.at - NOW) // SECOND) for stored in reversed(page.items)]


HEARTBEAT = {"trigger": {"expect": "beat", "posture": "Proactive", "within": 60}}


async def test_an_action_that_no_sink_carries_out_is_dead_at_once(store: SqliteStore, clock: ManualClock) -> None:
    rule = {"trigger": {"expect": "a"}, "actions": [{"type": "call-webhook", "url": "https://example.com"}]}
    engine = await started(store, clock, rule)
    await engine.accept([event("a", clock)])
    (letter,) = (await store.reads.dead_letters()).items
    assert letter.code == "no-sink"
    ledger = await store.reads.ledger()
    assert (ledger.planned, ledger.dead) == (1, 1)


@pytest.mark.parametrize("age", [8 * DAY, 31 * DAY], ids=["its events", "its firing"])
async def test_an_action_is_not_rendered_again_without(store: SqliteStore, clock: ManualClock, age: int) -> None:
    action = {"type": "call-webhook", "url": "https://example.com", "body": "{{ event.payload.missing }}"}
    rule = {"trigger": {"expect": "a"}, "actions": [action]}
    engine = await started(store, clock, rule, **{"call-webhook": "webhook"})
    await engine.accept([event("a", clock)])
    (letter,) = (await store.reads.dead_letters()).items
    clock.moment += age
    await store.purge(Retention())
    with pytest.raises(ConflictError) as caught:
        await engine.redrive(letter.id)
    assert caught.value.code == "events-gone"


@pytest.mark.parametrize(
    ("actions", "size", "refused"), [(0, 0, False), (101, 0, True), (1, 900, False), (1, 1_000_000, True)]
)
async def test_the_door_refuses_while_the_outbox_is_too_long_or_too_large(
    store: SqliteStore, clock: ManualClock, actions: int, size: int, refused: bool
) -> None:
    bounds = Bounds(events=100, bytes=1_000_000, actions=100)
    engine = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of={}, bounds=bounds)
    engine.pending_actions, engine.pending_bytes = actions, size
    if refused:
        with pytest.raises(Refused) as caught:
            await engine.accept([event("a", clock)])
        assert (caught.value.code, caught.value.status) == ("backlog", 429)
    else:
        await engine.accept([event("a", clock)])


async def test_an_event_that_breaks_matching_is_recorded_and_its_neighbours_go_on(
    store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await started(store, clock, {"trigger": {"expect": "a"}})
    reach = Index.reach

    def breaking(index: Index, given: Event) -> object:
        if given.id == "2":
            raise RecursionError("too deep")
        return reach(index, given)

    monkeypatch.setattr(Index, "reach", breaking)
    accepted = await engine.accept([event("a", clock, key) for key in "123"])
    assert list(accepted.duplicates) == [False, False, False]
    assert [name for name, _ in await firings(store)] == ["rule-0", "rule-0"]
    (letter,) = (await store.reads.dead_letters()).items
    assert (letter.id, letter.code, letter.reason) == ("t/2", "poison", "matching: RecursionError: too deep")
    ledger = await store.reads.ledger()
    assert (ledger.accepted, ledger.processed) == (3, 3)


async def test_a_rule_that_no_event_starts_begins_when_it_is_loaded(
    store: SqliteStore, clock: ManualClock
) -> None:
    engine = await started(store, clock, HEARTBEAT)
    clock.moment += 60 * SECOND
    assert await engine.tick() == NOW + 120 * SECOND
    assert await firings(store) == [("rule-0", 60)]


async def test_after_downtime_only_the_last_window_is_judged(store: SqliteStore, clock: ManualClock) -> None:
    await started(store, clock, HEARTBEAT)
    clock.moment += 3600 * SECOND
    await started(store, clock, HEARTBEAT)
    assert await firings(store) == [("rule-0", 3600)]


async def test_a_clock_set_back_or_ahead_repeats_and_loses_no_deadline(
    store: SqliteStore, clock: ManualClock
) -> None:
    engine = await started(store, clock, {"trigger": {"expect": "beat"}, "debounce": {"quiet": 10}})
    for number in range(100):
        await engine.accept([event("beat", clock, str(number))])
        clock.moment += (3600 if number % 2 else -3600) * SECOND + 11 * SECOND
        await engine.tick()
    clock.moment += 3600 * SECOND
    await engine.tick()
    page = await store.reads.firings(limit=500)
    counted = [event.id for stored in page.items for event in stored.firing.events]
    assert sorted(counted) == sorted(str(number) for number in range(100))


async def test_a_paused_automation_starts_afresh(store: SqliteStore, clock: ManualClock) -> None:
    rule = {"trigger": {"expect": "a", "threshold": 2, "within": 60}}
    engine = await started(store, clock, rule, HEARTBEAT)
    await engine.accept([event("a", clock)])
    for name in ("rule-0", "rule-1"):
        await engine.set_paused("automation", name, True)
    clock.moment += 60 * SECOND
    await engine.tick()
    for name in ("rule-0", "rule-1"):
        await engine.set_paused("automation", name, False)
    await engine.accept([event("a", clock, "2")])
    assert await firings(store) == []
    clock.moment += 60 * SECOND
    await engine.tick()
    assert await firings(store) == [("rule-1", 120)]


async def test_state_of_an_automation_that_is_gone_is_forgotten(store: SqliteStore, clock: ManualClock) -> None:
    engine = await started(store, clock, HEARTBEAT)
    assert await store.write(lambda tx: tx.automations_with_cells()) == {"rule-0"}
    await engine.use_rules(rules())
    assert await store.write(lambda tx: tx.automations_with_cells()) == set()


async def test_idle_state_is_forgotten_and_what_waits_is_kept(store: SqliteStore, clock: ManualClock) -> None:
    counting = {"trigger": {"expect": "a", "threshold": 2, "within": 60, "for_each": "x"}}
    engine = await started(store, clock, counting, HEARTBEAT)
    await engine.accept([event("a", clock, "1", x="1")])
    clock.moment += 31 * DAY
    await store.purge(Retention())
    assert await store.write(lambda tx: tx.automations_with_cells()) == {"rule-1"}


async def test_a_batch_fires_in_order_of_time_with_the_deadlines_between_its_events(
    store: SqliteStore, clock: ManualClock
) -> None:
    engine = await started(store, clock, HEARTBEAT, {"trigger": {"expect": "a"}})
    first = event("a", clock)
    clock.moment += 90 * SECOND
    await engine.accept([first, event("a", clock, "2")])
    assert await firings(store) == [("rule-1", 0), ("rule-0", 60), ("rule-1", 90)]


# --- pauses ------------------------------------------------------------------------------------------------------


async def test_a_reload_beside_a_pause_does_not_undo_it(store: SqliteStore, clock: ManualClock) -> None:
    rule = {"trigger": {"expect": "a"}}
    engine = await started(store, clock, rule)
    await asyncio.gather(engine.set_paused("automation", "rule-0", True), engine.use_rules(rules(rule)))
    await engine.accept([event("a", clock)])
    assert await firings(store) == []


@pytest.mark.parametrize("kind", ["automation", "deployment", "work-pool"])
async def test_a_pause_whose_caller_has_gone_is_in_force_once_it_is_stored(
    store: SqliteStore, clock: ManualClock, kind: PausableKind
) -> None:
    name = {"automation": "rule-0", "deployment": "load/daily", "work-pool": "local"}[kind]
    jobs = ReloadableJobs(JobFile([Deployment("load", "daily", "f.py:f", "local", "/srv")], [WorkPool("local")]))
    engine = EmbeddedEngine(store, jobs, clock, sink_of={})
    await engine.start(rules({"trigger": {"expect": "a"}}))
    asking = asyncio.create_task(engine.set_paused(kind, name, True))
    beside = asyncio.create_task(store.write(lambda _tx: asking.cancel()))  # begun, and not yet committed
    await asyncio.wait([asking, beside])
    assert asking.cancelled()
    await store.write(lambda _tx: None)
    assert await store.reads.pauses() == {(kind, name): True}
    assert {
        "automation": engine.automations()[0]["paused"],
        "deployment": jobs.deployment("load/daily").paused,
        "work-pool": jobs.work_pool("local").paused,
    }[kind]


async def on_a_full_disk(store: SqliteStore, change: Coroutine[Any, Any, None]) -> None:
    """Have a change share its transaction with one that the disk has no room for."""
    db = store._writer._db
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    much = [LogLine("run", NOW, "stdout", "x" * 100_000)]
    answers = await asyncio.gather(change, store.write(lambda tx: tx.add_logs(much)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 2
    db.execute("PRAGMA max_page_count = 1073741823")


async def test_a_pause_that_could_not_be_stored_is_not_in_force(store: SqliteStore, clock: ManualClock) -> None:
    engine = await started(store, clock, {"trigger": {"expect": "a"}})
    await on_a_full_disk(store, engine.set_paused("automation", "rule-0", True))
    assert engine.automations()[0]["paused"] is False
    await engine.accept([event("a", clock)])
    assert await firings(store) == [("rule-0", 0)]


async def test_rules_that_could_not_be_taken_leave_the_earlier_ones_in_force(
    store: SqliteStore, clock: ManualClock
) -> None:
    engine = await started(store, clock, {"trigger": {"expect": "a"}})
    await on_a_full_disk(store, engine.use_rules(rules(HEARTBEAT, HEARTBEAT)))
    assert [rule["name"] for rule in engine.automations()] == ["rule-0"]
    await engine.accept([event("a", clock)])
    assert await firings(store) == [("rule-0", 0)]

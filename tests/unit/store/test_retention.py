"""What is old and settled goes; what is open, young or counted stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.store.samples import NOW, ManualClock, action, add, event, failed, run

from automations.errors import NotFoundError
from automations.model.firing import Firing
from automations.model.job import LogLine, RunState
from automations.model.moment import DAY
from automations.store import Retention, SqliteStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=clock)
    yield opened
    await opened.close()


async def ids(store: SqliteStore) -> set[str]:
    return {e.id for e in (await store.reads.events(limit=10_000)).items}


async def test_events_go_after_seven_days_in_bites_and_the_ledger_still_counts_them(
    store: SqliteStore, clock: ManualClock
) -> None:
    await store.write(add(*(event(str(n)) for n in range(2500))))
    await store.write(add(event("young", received=NOW + DAY)))
    clock.moment = NOW + 7 * DAY
    await store.purge(Retention())
    assert len(await ids(store)) == 2501
    clock.moment += 1
    await store.purge(Retention())
    assert await ids(store) == {"young"}
    assert (await store.reads.ledger()).accepted == 2501
    assert await store.write(lambda tx: tx.known_events([("test", "0")])) == set()


async def test_a_clock_that_jumped_back_does_not_keep_what_is_old(store: SqliteStore, clock: ManualClock) -> None:
    await store.write(add(event("1"), event("ahead", received=NOW + DAY), event("3")))
    clock.moment = NOW + 7 * DAY + 1
    await store.purge(Retention())
    assert await ids(store) == {"ahead"}


async def test_an_action_goes_once_it_is_settled_and_nobody_has_to_decide_about_it(
    store: SqliteStore, clock: ManualClock
) -> None:
    planned = [(action(n), "s") for n in ("delivered", "pending")] + [(failed(n), "s") for n in ("open", "closed")]
    await store.write(lambda tx: tx.add_actions(planned, NOW))
    await store.write(lambda tx: tx.action_delivered("delivered", "ok", NOW))
    await store.write(lambda tx: tx.discard("closed"))
    clock.moment = NOW + 30 * DAY + 1
    await store.purge(Retention())
    assert {row.id for row in (await store.reads.actions()).items} == {"pending", "open"}
    assert {letter.id for letter in (await store.reads.dead_letters(state=None)).items} == {"open"}
    ledger = await store.reads.ledger()
    assert (ledger.planned, ledger.delivered, ledger.dead) == (4, 1, 2)


async def test_runs_that_ended_go_with_their_output(store: SqliteStore, clock: ManualClock) -> None:
    await store.write(lambda tx: [tx.add_run(run(name), NOW) for name in ("ended", "waiting")])
    await store.write(lambda tx: tx.set_run_state("ended", RunState.FAILED, NOW))
    await store.write(lambda tx: tx.add_logs([LogLine("ended", NOW, "stdout", "hello")]))
    clock.moment = NOW + 30 * DAY + 1
    await store.purge(Retention())
    assert [r.spec.id for r in (await store.reads.runs()).items] == ["waiting"]
    assert await store.reads.logs("ended") == []


async def test_a_firing_outlives_its_events_and_says_so(store: SqliteStore, clock: ManualClock) -> None:
    events = (event("1"), event("2"))
    await store.write(add(*events))
    firing = Firing("f", "rule", "fire", NOW, event=events[1], events=events, count=2)
    await store.write(lambda tx: tx.add_firings([firing], NOW))
    clock.moment = NOW + 8 * DAY
    await store.purge(Retention())
    found = (await store.reads.firing("f")).firing
    assert (found.event, found.events, found.count, found.truncated) == (None, (), 2, True)
    clock.moment = NOW + 31 * DAY
    await store.purge(Retention())
    with pytest.raises(NotFoundError):
        await store.reads.firing("f")

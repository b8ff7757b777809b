"""While a source catches up, no tick overtakes the events that it has yet to bring (rules.md 4.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from automations.deploy import ReloadableJobs
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.moment import SECOND
from automations.model.ruleset import RuleSet
from automations.ports import SourceCursor, Transaction
from automations.runtime.embedded import EmbeddedEngine
from automations.store import SqliteStore

NOW = 1_767_225_600 * SECOND
RULES = RuleSet(
    tuple(
        Automation.model_validate(
            {"name": name, "trigger": {"posture": "Proactive", "expect": name, "within": 60}, "actions": []}
        )
        for name in ("beat", "pulse")
    )
)


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


def beat(second: int, name: str = "beat") -> Event:
    moment = NOW + second * SECOND
    return Event("prod", f"{name}{second}", name, moment, moment, {"prefect.resource.id": "r"})


async def alarms(store: SqliteStore) -> list[tuple[str, int]]:
    fired = [stored.firing for stored in (await store.reads.firings()).items]
    return sorted((firing.automation, (firing.at - NOW) // SECOND) for firing in fired)


async def restarted(store: SqliteStore, clock: ManualClock, *, held: bool) -> EmbeddedEngine:
    """An engine that was down for ten minutes, in which `beat` came every half a minute, and `pulse` never."""
    before = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of={})
    await before.start(RULES)
    clock.moment += 600 * SECOND
    engine = EmbeddedEngine(store, ReloadableJobs(), clock, sink_of={})
    if held:
        engine.hold_time("prod")
    await engine.start(RULES)
    return engine


async def test_catching_up_after_downtime_raises_no_false_alarm(store: SqliteStore, clock: ManualClock) -> None:
    """Of what was silent indeed only the last window is judged, once."""
    engine = await restarted(store, clock, held=True)
    for second in range(0, 600, 30):
        await engine.tick()
        await engine.accept([beat(second)])
    assert await alarms(store) == []
    engine.release_time("prod")
    await engine.tick()
    await engine.tick()
    assert await alarms(store) == [("pulse", 600)]


async def test_without_waiting_for_it_the_alarm_would_be_false(store: SqliteStore, clock: ManualClock) -> None:
    await restarted(store, clock, held=False)
    assert await alarms(store) == [("beat", 600), ("pulse", 600)]


async def test_time_passes_again_when_the_last_source_lets_it(store: SqliteStore, clock: ManualClock) -> None:
    engine = await restarted(store, clock, held=True)
    engine.hold_time("other")
    engine.release_time("prod")
    await engine.tick()
    assert await alarms(store) == []
    engine.release_time("other")
    engine.release_time("other")
    await engine.tick()
    assert len(await alarms(store)) == 2


async def test_what_is_written_beside_events_shares_their_fate(store: SqliteStore, clock: ManualClock) -> None:
    engine = await restarted(store, clock, held=False)
    await engine.accept([beat(0)], also=lambda tx: tx.advance_source("prod", SourceCursor(0, 1)))
    assert await store.reads.source_cursor("prod") == SourceCursor(0, 1)

    def fails(tx: Transaction) -> None:
        tx.advance_source("prod", SourceCursor(0, 2))
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await engine.accept([beat(1)], also=fails)
    assert (await store.reads.ledger()).accepted == 1
    assert await store.reads.source_cursor("prod") == SourceCursor(0, 1)

"""Listings, look-ups and filters."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.store.samples import NOW, ManualClock, action, add, event, failed, run

from automations.errors import BadCursorError, ConflictError, NotFoundError
from automations.model.firing import Firing
from automations.model.job import Provenance, RunState
from automations.ports import ApiKey
from automations.store import SqliteStore
from automations.store.listing import glob
from automations.store.multirow import MultiRow


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=ManualClock())
    yield opened
    await opened.close()


# --- events ----------------------------------------------------------------------------------------------------


async def test_an_event_comes_back_as_it_was(store: SqliteStore) -> None:
    stored = event(
        "ü/1",
        source="https://example.org/a",
        related=[{"prefect.resource.id": "user.1", "prefect.resource.role": "actor"}],
        payload={"n": 2**53, "text": "\x00\n"},
        follows="test/0",
        hops=3,
    )
    await store.write(add(stored))
    assert await store.reads.event("https://example.org/a/ü/1") == stored
    assert await store.reads.event("ü/1") == stored


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("order.failed", {"1"}),
        ("order.*", {"1", "2"}),
        ("*.failed", {"1", "3"}),
        ("ORDER.FAILED", set()),
        ("[odd]?", {"4"}),
        ("?", set()),
    ],
)
async def test_a_name_may_hold_a_star_and_nothing_else_is_special(
    store: SqliteStore, name: str, found: set[str]
) -> None:
    names = ["order.failed", "order.paid", "run.failed", "[odd]?"]
    await store.write(add(*(event(str(n), name=name) for n, name in enumerate(names, 1))))
    assert {e.id for e in (await store.reads.events(name=name)).items} == found


async def test_events_are_filtered_by_resource(store: SqliteStore) -> None:
    await store.write(add(event("1"), event("2", resource={"prefect.resource.id": "order.2"})))
    assert [e.id for e in (await store.reads.events(resource="order.2")).items] == ["2"]


def test_a_pattern_without_wildcards_is_left_alone() -> None:
    assert glob(None) is None
    assert glob("a*b") == "a*b"


@pytest.mark.parametrize(
    "cursor", ["", "x", "ZXZlbnRz", "YWN0aW9uczo1", "ZXZlbnRzOi0x", "ZXZlbnRzOsKy", "é", "=" * 99]
)
async def test_a_cursor_that_was_not_given_out_is_refused(store: SqliteStore, cursor: str) -> None:
    with pytest.raises(BadCursorError) as caught:
        await store.reads.events(cursor=cursor)
    assert caught.value.code == "bad-cursor"


# --- firings ---------------------------------------------------------------------------------------------------


async def test_firings_are_found_by_any_event_that_they_counted(store: SqliteStore) -> None:
    events = tuple(event(str(n)) for n in range(3))
    await store.write(add(*events))
    both = Firing("both", "rule", "fire", NOW, {"a": "b"}, events[1], events[:2], 2)
    last = Firing("last", "other", "resolve", NOW, event=events[2], events=events[2:])
    timed = Firing("timed", "other", "fire", NOW, count=0)
    await store.write(lambda tx: tx.add_firings([both, last, timed], NOW))
    reads = store.reads
    assert [f.firing for f in (await reads.firings()).items] == [timed, last, both]
    assert [f.firing for f in (await reads.firings(event="test/0")).items] == [both]
    assert [f.firing for f in (await reads.firings(event="test/2", automation="other")).items] == [last]
    assert [f.firing for f in (await reads.firings(automation="none")).items] == []


async def test_a_listed_firing_carries_its_last_events_and_says_that_there_are_more(store: SqliteStore) -> None:
    events = tuple(event(f"{n:02}") for n in range(50))
    await store.write(add(*events))
    firing = Firing("f", "rule", "fire", NOW, event=events[-1], events=events, count=50)
    await store.write(lambda tx: tx.add_firings([firing], NOW))
    (listed,) = (await store.reads.firings()).items
    assert listed.firing == replace(firing, events=events[-20:], truncated=True)
    assert (await store.reads.firing("f")).firing == firing


# --- actions and dead letters ---------------------------------------------------------------------------------


async def test_a_failed_action_is_dead_at_once_and_its_letter_tells_why(store: SqliteStore) -> None:
    planned = [(action("good"), "web"), (failed("bad", firing="g", cause="test/1"), "web")]
    await store.write(lambda tx: tx.add_actions(planned, NOW))
    letter = await store.reads.dead_letter("bad")
    assert (letter.kind, letter.code, letter.reason) == ("action", "undefined", "'x' is undefined")
    assert (letter.event, letter.automation, letter.state) == ("test/1", "rule", "open")
    assert letter.action is not None
    assert (letter.action.state, letter.action.request, letter.action.settled) == ("dead", None, NOW)
    assert [a.id for a in (await store.reads.actions(state="pending")).items] == ["good"]
    assert [a.id for a in (await store.reads.actions(firing="g")).items] == ["bad"]


async def test_a_redriven_letter_names_the_action_that_took_its_place(store: SqliteStore) -> None:
    await store.write(lambda tx: tx.add_actions([(action("a"), "web")], NOW))
    await store.write(lambda tx: tx.action_dead("a", "rejected", "400", NOW))
    await store.write(lambda tx: tx.redrive("a", action("b"), "web", NOW))
    assert (await store.reads.dead_letter("a")).redriven_as == "b"
    assert (await store.reads.actions(state="pending")).items[0].request == action("b")


async def test_an_event_that_breaks_two_automations_is_one_letter_that_cannot_be_redriven(
    store: SqliteStore,
) -> None:
    for reason in ("first", "second"):
        await store.write(lambda tx, reason=reason: tx.add_dead_event(event("1"), "poison", reason, NOW))  # type: ignore[misc]
    letter = await store.reads.dead_letter("test/1")
    assert (letter.kind, letter.reason, letter.action) == ("event", "first; second", None)
    with pytest.raises(ConflictError):
        await store.write(lambda tx: tx.redrive("test/1", action("b"), "web", NOW))
    assert (await store.reads.dead_letter("test/1")).state == "open"
    with pytest.raises(NotFoundError):
        await store.write(lambda tx: tx.discard("test/2"))


async def test_sinks_tell_what_waits_and_what_failed_last(store: SqliteStore) -> None:
    planned = [(action(n), sink) for n, sink in [("a", "web"), ("b", "web"), ("c", "quiet")]]
    await store.write(lambda tx: tx.add_actions(planned, NOW))
    await store.write(lambda tx: tx.action_retry("a", "busy", NOW + 5))
    await store.write(lambda tx: tx.action_dead("b", "rejected", "400", NOW))
    assert await store.reads.sink_errors() == {
        "web": {"pending": 1, "last_error": "400", "at": NOW},
        "quiet": {"pending": 1, "last_error": None, "at": None},
    }


# --- runs ------------------------------------------------------------------------------------------------------


async def test_a_run_comes_back_as_it_was(store: SqliteStore) -> None:
    spec = run(
        "r1",
        parameters={"n": [1, None]},
        job_variables={"env": {"A": "x"}},
        provenance={"/env/A": Provenance("run", "automation rule", "{{ event.payload.a }}")},
        tags=("a", "b"),
        automation="rule",
        hops=2,
    )
    await store.write(lambda tx: tx.add_run(spec, NOW))
    found = await store.reads.run("r1")
    assert (found.spec, found.state, found.created) == (spec, RunState.SCHEDULED, NOW)
    for filters in ({"deployment": "a/b"}, {"automation": "rule"}, {"state": "Scheduled"}):
        assert (await store.reads.runs(**filters)).items == [found]
        assert (await store.reads.runs(**dict.fromkeys(filters, "other"))).items == []


async def test_a_run_is_found_by_its_id_a_beginning_of_it_or_its_name(store: SqliteStore) -> None:
    specs = [run("abcdef01", name="one"), run("abcdef02", name="two"), run("123456", name="two")]
    await store.write(lambda tx: [tx.add_run(spec, NOW) for spec in specs])
    for ref, identity in [("abcdef01", "abcdef01"), ("abcdef02", "abcdef02"), ("one", "abcdef01")]:
        assert (await store.reads.run(ref)).spec.id == identity
    assert (await store.reads.run("123456")).spec.id == "123456"
    for ref in ("abcdef", "two"):
        with pytest.raises(ConflictError):
            await store.reads.run(ref)
    for ref in ("abcde", "12345", "abcdef%", "zzzzzz"):
        with pytest.raises(NotFoundError):
            await store.reads.run(ref)


async def test_a_run_waits_for_its_time_and_its_pool(store: SqliteStore) -> None:
    specs = [run("later", scheduled_for=NOW + 10), run("other", work_pool="gpu"), run("now")]
    await store.write(lambda tx: [tx.add_run(spec, NOW) for spec in specs])
    assert [r.spec.id for r in await store.write(lambda tx: tx.claim_runs("local", NOW, 9))] == ["now"]
    assert [r.spec.id for r in await store.write(lambda tx: tx.claim_runs("local", NOW + 10, 9))] == ["later"]
    assert await store.write(lambda tx: tx.claim_runs("local", NOW + 10, 9)) == []


async def test_only_a_run_that_has_not_ended_can_be_cancelled(store: SqliteStore) -> None:
    await store.write(lambda tx: tx.add_run(run("r1"), NOW))
    assert (await store.write(lambda tx: tx.request_cancel("r1"))).cancel_requested
    await store.write(lambda tx: tx.set_run_state("r1", RunState.CANCELLED, NOW, message="cancelled"))
    with pytest.raises(ConflictError, match="Cancelled"):
        await store.write(lambda tx: tx.request_cancel("r1"))
    with pytest.raises(NotFoundError):
        await store.write(lambda tx: tx.request_cancel("r2"))


# --- administration ---------------------------------------------------------------------------------------------


async def test_pausing_twice_is_pausing_once(store: SqliteStore) -> None:
    for paused in (True, True):
        await store.write(lambda tx, paused=paused: tx.set_paused("automation", "rule", paused))  # type: ignore[misc]
    assert await store.reads.pauses() == {("automation", "rule"): True}
    await store.write(lambda tx: tx.set_paused("automation", "rule", False))
    assert await store.reads.pauses() == {("automation", "rule"): False}


async def test_a_key_is_revoked_once_by_its_id_or_name(store: SqliteStore) -> None:
    keys = [ApiKey("k1", "ci", "hash", ("ingest", "read"), NOW), ApiKey("k2", "ops", "hash", ("admin",), NOW)]
    await store.write(lambda tx: [tx.add_api_key(key) for key in keys])
    await store.write(lambda tx: tx.revoke_api_key("ci", NOW + 1))
    await store.write(lambda tx: tx.revoke_api_key("k1", NOW + 2))
    assert list(await store.reads.api_keys()) == [replace(keys[0], revoked=NOW + 1), keys[1]]
    with pytest.raises(NotFoundError):
        await store.write(lambda tx: tx.revoke_api_key("k3", NOW))


# --- many rows --------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3)), max_size=200))
def test_many_rows_go_in_as_one_by_one(rows: list[tuple[int, str]]) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, n INTEGER, text TEXT)")
    MultiRow("INSERT INTO t (n, text) VALUES", 2).run(db, rows)
    assert db.execute("SELECT n, text FROM t ORDER BY seq").fetchall() == rows
    db.close()

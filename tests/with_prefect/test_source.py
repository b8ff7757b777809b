"""Events of a real Prefect server, followed: each arrives, and changes something once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from with_prefect.following import Life, emitted, following
from with_prefect.server import PrefectServer

from automations.model.moment import SECOND, format_moment
from automations.sources.prefect import source as following_source
from automations.wiring.clock import SystemClock

TAG = {"prefect.resource.id": "prefect.tag.t", "prefect.resource.role": "tag"}


async def listening(life: Life) -> None:
    async def began() -> Any:
        return await life.store.reads.source_cursor("prefect")

    await life.until(began)


def ids(events: Any) -> list[str]:
    return [event["id"] if isinstance(event, dict) else event.id for event in events]


async def test_what_is_emitted_there_arrives_as_it_was(prefect: PrefectServer, tmp_path: Path) -> None:
    cause = str(uuid4())
    related = [{"prefect.resource.id": "u.1", "prefect.resource.role": "actor", "x": "y"}]
    async with following(tmp_path / "a.db", prefect.url) as life:
        await listening(life)
        sent = emitted("live.one", related=related, payload={"a": [1, {"b": None}]}, follows=cause)
        prefect.post("/events", [sent])
        (found,) = await life.until_events("live.one", 1)
        ledger = await life.store.reads.ledger()
    told = found.to_dict()
    assert {**sent, "follows": f"prefect/{cause}"} == {key: told[key] for key in sent}
    assert (found.source, found.hops, ledger.duplicates) == ("prefect", 0, 0)


async def test_state_changes_of_runs_arrive_with_what_they_are_related_to(
    prefect: PrefectServer, tmp_path: Path
) -> None:
    deployment = prefect.deployment("followed", "nightly", "followed-pool")
    async with following(tmp_path / "a.db", prefect.url) as life:
        await listening(life)
        run = prefect.post(f"/deployments/{deployment}/create_flow_run", {})["id"]
        for state in ("PENDING", "RUNNING", "COMPLETED"):
            change = {"state": {"type": state, "name": state.capitalize()}, "force": True}
            prefect.post(f"/flow_runs/{run}/set_state", change)
        (found,) = await life.until_events("prefect.flow-run.Completed", 1)
        states = [event.name for event in await life.events("prefect.flow-run.*")]
    assert found.resource["prefect.resource.id"] == f"prefect.flow-run.{run}"
    roles = {labels["prefect.resource.role"]: labels["prefect.resource.id"] for labels in found.related}
    assert roles["deployment"] == f"prefect.deployment.{deployment}"
    assert Counter(states) == Counter(
        f"prefect.flow-run.{state}" for state in ("Scheduled", "Pending", "Running", "Completed")
    )


async def test_what_happens_while_we_are_down_arrives_once(prefect: PrefectServer, tmp_path: Path) -> None:
    """More than a page of it, and late arrivals: they occurred before what was read last."""
    path, clock = tmp_path / "a.db", SystemClock()
    async with following(path, prefect.url) as life:
        await listening(life)
        began = clock.now()
        first = [emitted("down.a") for _ in range(70)]
        prefect.post("/events", first)
        await life.until_events("down.*", 70)
        await life.until(lambda: moved(life, began))
    late = [emitted("down.late", occurred=format_moment(began)) for _ in range(5)]
    meanwhile = [emitted("down.b") for _ in range(130)]
    prefect.post("/events", [*late, *meanwhile])
    stored(prefect, "down.", 205)
    async with following(path, prefect.url) as life:
        found = await life.until_events("down.*", 205)
        await emitted_and_read(prefect, life, "down.end")
        found = await life.events("down.*")
        ledger = await life.store.reads.ledger()
    assert Counter(ids(found)) == Counter(ids([*first, *late, *meanwhile])) + Counter(ids(found[-1:]))
    assert [event.name for event in found[70:75]] == ["down.late"] * 5
    assert ledger.accepted == ledger.processed


async def test_more_events_of_one_moment_than_a_page_holds_arrive(prefect: PrefectServer, tmp_path: Path) -> None:
    moment = format_moment(SystemClock().now())
    sent = [emitted("tie.a", occurred=moment) for _ in range(120)] + [emitted("tie.b")]
    prefect.post("/events", sent)
    stored(prefect, "tie.", 121)
    async with following(tmp_path / "a.db", prefect.url, since=3600 * SECOND, events=("tie.*",)) as life:
        found = await life.until_events("*", 121)
    assert Counter(ids(found)) == Counter(ids(sent))


async def test_what_the_stream_drops_is_read_back(
    prefect: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps 256 events for one who listens, and drops the rest."""
    monkeypatch.setattr(following_source, "_READ_BACK_EVERY", 2.0)
    async with following(tmp_path / "a.db", prefect.url) as life:
        await listening(life)
        life.engine.pending_actions = 10**9  # the outbox is full: nothing is taken
        sent = [emitted("burst.a", payload={"fill": "x" * 20_000}) for _ in range(1500)]
        for start in range(0, len(sent), 100):
            prefect.post("/events", sent[start : start + 100])
        assert await life.events("burst.*") == []
        life.engine.pending_actions = 0
        found = await life.until_events("burst.*", len(sent), 120)
    assert Counter(ids(found)) == Counter(ids(sent))


async def test_an_event_that_our_door_refuses_is_told_and_holds_nothing_up(
    prefect: PrefectServer, tmp_path: Path
) -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = [deep]
    with capture_logs() as logs:
        async with following(tmp_path / "a.db", prefect.url) as life:
            await listening(life)
            odd = [
                emitted("odd.deep", payload={"deep": deep}),
                emitted("odd.large", payload={"text": "x" * 300_000}),
                emitted("odd.label", related=[{**TAG, "id": "both forms of one label"}]),
            ]
            prefect.post("/events", [*odd, emitted("odd.good")])
            await life.until_events("odd.good", 1)
            assert len(await life.events("odd.*")) == 1
    told = {entry["event_id"]: entry["code"] for entry in logs if entry["event"] == "source_event_refused"}
    assert told == dict(zip(ids(odd), ["too-deep", "too-large", "bad-label"], strict=True))


async def test_only_the_names_that_are_wanted_come(prefect: PrefectServer, tmp_path: Path) -> None:
    async with following(tmp_path / "a.db", prefect.url, events=("some.*", "!some.b")) as life:
        await listening(life)
        prefect.post("/events", [emitted("other.a"), emitted("some.b"), emitted("some.a"), emitted("some.c")])
        await life.until_events("some.c", 1)
        assert [event.name for event in await life.events("*")] == ["some.a", "some.c"]


async def test_the_first_start_reaches_back_as_far_as_it_is_told(prefect: PrefectServer, tmp_path: Path) -> None:
    sent = [emitted("before.a") for _ in range(3)]
    prefect.post("/events", sent)
    stored(prefect, "before.", 3)
    async with following(tmp_path / "now.db", prefect.url) as life:
        await emitted_and_read(prefect, life, "after.a")
        assert await life.events("before.*") == []
    async with following(tmp_path / "hour.db", prefect.url, since=3600 * SECOND) as life:
        assert Counter(ids(await life.until_events("before.*", 3))) == Counter(ids(sent))


# --- what these tests wait for -----------------------------------------------------------------------------


async def moved(life: Life, since: int) -> bool:
    cursor = await life.store.reads.source_cursor("prefect")
    return cursor is not None and cursor.position > since


async def emitted_and_read(prefect: PrefectServer, life: Life, name: str) -> None:
    """Emit one more event, and wait for it: what was stored before it has been read."""
    await listening(life)
    prefect.post("/events", [emitted(name)])
    await life.until_events(name, 1)


def stored(prefect: PrefectServer, prefix: str, number: int) -> None:
    prefect.until(lambda: len(prefect.events(prefix)) >= number)

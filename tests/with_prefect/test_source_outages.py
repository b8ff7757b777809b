"""Crashes on both sides: what the server stored arrives, and arrives once."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Engine
from structlog.testing import capture_logs
from with_prefect.following import Life, emitted, following
from with_prefect.server import PrefectServer

USER = "admin:s3cret"


class GuardedServer(PrefectServer):
    """One that lets in who knows the password alone."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.headers["authorization"] = f"Basic {base64.b64encode(USER.encode()).decode()}"

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(PREFECT_SERVER_API_AUTH_STRING=USER, **more)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that may be killed: others do not use it."""
    server = GuardedServer(tmp_path_factory.mktemp("guarded"))
    server.start()
    yield server
    server.stop()


async def arrived(life: Life, name: str) -> list[str]:
    return [event.id for event in await life.events(name)]


async def test_a_server_that_is_killed_and_comes_back_is_followed_on(own: PrefectServer, tmp_path: Path) -> None:
    """What it acknowledged and had not stored is lost there; some of that we have all the same."""
    async with following(tmp_path / "a.db", own.url, auth_string=USER) as life:
        await life.until(lambda: life.store.reads.source_cursor("prefect"))
        sent = [emitted("crash.before") for _ in range(60)]
        own.post("/events", sent)
        await life.until_events("crash.before", 60)
        unsure = [emitted("crash.unsure") for _ in range(30)]
        own.post("/events", unsure)
        own.kill()
        await asyncio.to_thread(own.start)
        after = [emitted("crash.after") for _ in range(60)]
        own.post("/events", after)
        await life.until_events("crash.after", 60, 120)
        await asyncio.to_thread(own.until, lambda: len(own.events("crash.after")) == 60)
        stored = [event["id"] for event in own.events("crash.")]
        counted = Counter(await arrived(life, "crash.*"))
    assert set(counted.values()) == {1}
    assert set(stored) <= counted.keys() <= {event["id"] for event in [*sent, *unsure, *after]}


async def test_both_sides_may_be_down_at_once(own: PrefectServer, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with following(path, own.url, auth_string=USER) as life:
        await life.until(lambda: life.store.reads.source_cursor("prefect"))
        sent = [emitted("both.a") for _ in range(10)]
        own.post("/events", sent)
        await life.until_events("both.a", 10)
    meanwhile = [emitted("both.b") for _ in range(75)]
    own.post("/events", meanwhile)
    await asyncio.to_thread(own.until, lambda: len(own.events("both.")) == 85)
    own.kill()
    async with following(path, own.url, auth_string=USER) as life:
        await asyncio.to_thread(own.start)
        await life.until_events("both.b", 75, 120)
        counted = Counter(await arrived(life, "both.*"))
    assert counted == Counter(event["id"] for event in [*sent, *meanwhile])


async def test_who_is_not_let_in_is_told_and_tries_again(own: PrefectServer, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with following(tmp_path / "a.db", own.url, auth_string="wrong") as life:

            async def told() -> list[str]:
                found = [entry["error"] for entry in logs if entry["event"] == "source_unreachable"]
                return found if len(found) > 1 else []

            found = await life.until(told)
    assert all(error.startswith("[prefect-unreachable]") for error in found)


# --- a whole engine ----------------------------------------------------------------------------------------

RULE = "name: tell\ntrigger: {expect: 'killed.*'}\nactions: [{type: do-nothing}]\n"


def sources(url: str, **more: str) -> str:
    told = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return f"sources:\n  - name: prod\n    type: prefect\n    api_url: {url}\n{told}"


def names(engine: Engine, pattern: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = engine.get(f"/api/events?limit=200&name={pattern}{cursor}")
        found += [event["id"] for event in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_an_engine_that_is_killed_takes_up_where_it_was(prefect: PrefectServer, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "tell.yaml").write_text(RULE)
    (tmp_path / "sources.yaml").write_text(sources(prefect.url))
    engine = Engine(tmp_path)
    sent = []
    try:
        engine.until(lambda: any(entry.get("event") == "source_caught_up" for entry in engine.log))
        for life in range(3):
            batch = [emitted(f"killed.{life}") for _ in range(80)]
            sent += batch
            prefect.post("/events", batch)
            engine.until(lambda number=life: names(engine, f"killed.{number}"))
            engine.kill()
            down = [emitted("killed.down") for _ in range(20)]
            sent += down
            prefect.post("/events", down)
            engine.start()
        engine.until(lambda: len(names(engine, "killed.*")) >= len(sent), 60)
        counted = Counter(names(engine, "killed.*"))
        status = engine.get("/api/status")
    finally:
        engine.stop()
    assert counted == Counter(event["id"] for event in sent)
    assert status["firings"]["fired"] == len(sent)


def test_a_source_that_is_declared_while_the_engine_runs_is_followed(
    prefect: PrefectServer, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "tell.yaml").write_text(RULE)
    engine = Engine(tmp_path)
    try:
        (tmp_path / "sources.yaml").write_text(sources(prefect.url, events="['hot.*']"))
        engine.until(lambda: any(entry.get("event") == "source_caught_up" for entry in engine.log))
        prefect.post("/events", [emitted("hot.a")])
        engine.until(lambda: names(engine, "hot.a"), 40)
        (tmp_path / "sources.yaml").write_text(sources(prefect.url, events="['cold.*']"))
        engine.until(lambda: sum(entry.get("event") == "source_caught_up" for entry in engine.log) == 2)
        prefect.post("/events", [emitted("hot.b"), emitted("cold.a")])
        engine.until(lambda: names(engine, "cold.a"), 40)
        assert names(engine, "hot.b") == []
    finally:
        engine.stop()

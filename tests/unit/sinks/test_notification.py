"""Apprise in front of a real HTTP server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.ports import Dead, Done, Retry
from automations.sinks.notification import NotificationSink


class Peer:
    """Takes what it is sent, under its path; `status` says how it answers there, None that it does not."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.status: dict[str, int | None] = {}
        self.over = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        status = self.status.get(request.path, 200)
        self.told.append((request.path, await request.json()))
        if status is None:
            await self.over.wait()
        return web.Response(status=status or 200)

    def service(self, path: str) -> str:
        return f"json://{self.url}{path}?rto=0.2"

    @property
    def paths(self) -> Counter[str]:
        return Counter(path for path, _ in self.told)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    application = web.Application()
    application.router.add_post("/{tail:.*}", peer.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"127.0.0.1:{runner.addresses[0][1]}"
    yield peer
    peer.over.set()
    await runner.cleanup()


@pytest.fixture
def sink(peer: Peer) -> NotificationSink:
    return NotificationSink({name: peer.service(f"/{name}") for name in ("ops", "finance")})


def request(*to: str, **body: Any) -> ActionRequest:
    written = {"to": list(to), "subject": "late", "body": "{{ order.1 }} & <b>\\n", **body}
    return ActionRequest("a" * 32, "f" * 32, "rule", "send-notification", "actions", 0, written)


async def test_everybody_is_told_the_text_as_it_was_rendered(sink: NotificationSink, peer: Peer) -> None:
    assert await sink.deliver(await sink.prepare(request("ops", "finance", "ops"))) == Done("ops, finance")
    assert peer.paths == {"/ops": 1, "/finance": 1}
    assert {(told["title"], told["message"]) for _, told in peer.told} == {("late", "{{ order.1 }} & <b>\\n")}


async def test_a_retry_tells_only_those_who_were_not_reached(sink: NotificationSink, peer: Peer) -> None:
    prepared = await sink.prepare(request("ops", "finance"))
    peer.status["/finance"] = 503
    assert await sink.deliver(prepared) == Retry("not taken by finance (error 503)")
    peer.status.clear()
    assert await sink.deliver(prepared) == Done("ops, finance")
    assert peer.paths == {"/ops": 1, "/finance": 2}


async def test_one_that_does_not_answer_does_not_hold_back_the_others(sink: NotificationSink, peer: Peer) -> None:
    peer.status["/ops"] = None
    assert await sink.deliver(await sink.prepare(request("ops", "finance"))) == Retry(
        "not taken by ops (not reached, or refused)"
    )
    assert peer.paths["/finance"] == 1


async def test_a_service_that_takes_too_long_is_tried_again(
    sink: NotificationSink, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automations.sinks.notification._TIMEOUT", 0.05)
    peer.status["/ops"] = None
    assert await sink.deliver(await sink.prepare(request("ops"))) == Retry(
        "not taken by ops (no answer within 0.05s)"
    )


async def test_what_is_forgotten_of_deliveries_is_the_oldest(
    sink: NotificationSink, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automations.sinks.notification._TOLD", 1)
    for _ in range(2):
        await sink.deliver(await sink.prepare(request("ops")))
    assert peer.paths["/ops"] == 1
    await sink.deliver(await sink.prepare(request("finance")))
    await sink.deliver(await sink.prepare(request("ops")))
    assert peer.paths["/ops"] == 2


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (request("ops", "nobody"), "not-found", r"no \[notifications.nobody\]"),
        (request("ops", body=" \n"), "refused", "the rendered body is empty"),
        (request(block_document_id="1"), "refused", "Prefect"),
    ],
)
async def test_what_can_never_be_told_is_refused(
    sink: NotificationSink, asked: ActionRequest, code: str, said: str
) -> None:
    with pytest.raises(PrepareError, match=said) as caught:
        await sink.prepare(asked)
    assert caught.value.code == code


async def test_a_name_that_left_the_settings_is_dead_and_nobody_is_told(
    sink: NotificationSink, peer: Peer
) -> None:
    prepared = await sink.prepare(request("ops", "finance"))
    later = NotificationSink({"ops": peer.service("/ops")})
    assert await later.deliver(prepared) == Dead("not-found", "the settings have no [notifications.finance]")
    assert peer.told == []


@pytest.mark.parametrize(
    "url", ["", "json://", "SECRET", "nosuch://SECRET", "slack://SECRET", "json://a, json://b"]
)
def test_a_url_that_cannot_be_used_is_refused_at_the_start_and_not_told(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^\[settings\] \[notifications.ops\] url is not one URL") as caught:
        NotificationSink({"ops": url})
    assert "SECRET" not in str(caught.value)


_LOGGED = """
import asyncio, sys
from automations.errors import SettingsError
from automations.logs import configure_logs
from automations.model.action import ActionRequest
from automations.sinks.notification import NotificationSink

async def main(level, url):
    configure_logs(level, "json")
    try:
        NotificationSink({"x": "slack://SECRET"})
    except SettingsError:
        pass
    sink = NotificationSink({"ops": url})
    body = {"to": ["ops"], "subject": "s", "body": "text"}
    asked = ActionRequest("a", "f", "r", "send-notification", "actions", 0, body)
    print(await sink.deliver(await sink.prepare(asked)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("level", ["debug", "info", "error"])
async def test_no_level_of_logs_shows_an_address_and_each_tells_the_error(peer: Peer, level: str) -> None:
    peer.status["/SECRET"] = 401
    url = f"json://user:SECRET@{peer.url}/SECRET?+X-Token=SECRET"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LOGGED, level, url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert out.decode() == "Retry(reason='not taken by ops (error 401)', after=None)\n"
    assert b"SECRET" not in err

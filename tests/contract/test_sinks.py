from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from contract.suite import SinkContract

from automations.deploy import FileJobs, ReloadableJobs
from automations.ingest import Limits
from automations.model.action import ActionRequest
from automations.model.job import Deployment, JobFile, WorkPool
from automations.model.ruleset import RuleSet
from automations.ports import Sink
from automations.runtime.embedded import EmbeddedEngine
from automations.sinks.notification import NotificationSink
from automations.sinks.own import OwnSink
from automations.sinks.process import ProcessSink
from automations.sinks.webhook import WebhookSettings, WebhookSink
from automations.store import SqliteStore

REQUEST = ActionRequest(
    id="a" * 32, firing="f" * 32, automation="rule", type="run-deployment", list="actions", index=0, body={}
)


class StillClock:
    def now(self) -> int:
        return 1_700_000_000_000_000


class ProcessHarness:
    faults: frozenset[str] = frozenset()

    def __init__(self, directory: Path) -> None:
        deployment = Deployment("repair", "nightly", "flows.py:repair", "local", str(directory))
        self.sink: Sink = ProcessSink(FileJobs(JobFile([deployment], [WorkPool("local")])), StillClock())
        body = {
            "deployment": "repair/nightly",
            "schedule_after": 0,
            "parameters": {"n": 1},
            "job_variables": {"env.A": "x"},
            "tags": [],
        }
        self.good = replace(REQUEST, body=body)
        self.bad = replace(REQUEST, body={**body, "deployment": "repair/nowhere"})

    def fail(self, fault: str) -> None:
        raise AssertionError(fault)

    async def effects(self) -> list[str]:
        return []


class WebhookHarness:
    faults = frozenset({"error", "reset", "silence", "busy", "reject"})

    def __init__(self) -> None:
        self.sink: Sink = WebhookSink(
            WebhookSettings(allow_http=True, allow=("127.0.0.0/8",)), lambda _reference: ""
        )
        self.keys: list[str] = []
        self.fault = ""
        self.over = asyncio.Event()

    async def start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/", self.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        body = {"method": "POST", "headers": {}, "body": {"n": 1}, "timeout": 2_000_000}
        self.good = replace(REQUEST, type="call-webhook", body={**body, "url": f"http://127.0.0.1:{port}/"})
        self.bad = replace(REQUEST, type="call-webhook", body={**body, "url": "ftp://127.0.0.1/"})
        return runner

    async def answer(self, request: web.Request) -> web.Response:
        if self.fault == "reset" and request.transport is not None:
            request.transport.abort()
        if self.fault == "silence":
            await self.over.wait()
        status = {"error": 500, "busy": 429, "reject": 400}.get(self.fault, 200)
        if status == 200:
            self.keys.append(request.headers["Idempotency-Key"])
        return web.Response(status=status, headers={"Retry-After": "7"} if status == 429 else {})

    def fail(self, fault: str) -> None:
        self.fault = fault

    async def effects(self) -> list[str]:
        return self.keys


class OwnHarness:
    """The real engine on a real store."""

    faults: frozenset[str] = frozenset()

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.sink: Sink = OwnSink(StillClock(), Limits())
        body = {"event": "order.settled", "resource": {"id": "order.1"}, "related": [], "payload": {"n": 1}}
        self.good = replace(REQUEST, type="emit-event", body=body)
        self.bad = replace(REQUEST, type="emit-event", body={**body, "event": ""})

    async def start(self) -> None:
        engine = EmbeddedEngine(self.store, ReloadableJobs(), StillClock(), sink_of={})
        await engine.start(RuleSet())
        assert isinstance(self.sink, OwnSink)
        self.sink.connect(engine)

    def fail(self, fault: str) -> None:
        raise AssertionError(fault)

    async def effects(self) -> list[str]:
        return [event.id for event in (await self.store.reads.events()).items]


class NotificationHarness:
    """Apprise in front of a real HTTP server."""

    faults = frozenset({"error", "reset", "silence"})

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fault = ""
        self.over = asyncio.Event()

    async def start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/{tail:.*}", self.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.sink: Sink = NotificationSink({"ops": f"json://127.0.0.1:{port}/?rto=0.2"})
        body = {"to": ["ops"], "subject": "s", "body": REQUEST.id}
        self.good = replace(REQUEST, type="send-notification", body=body)
        self.bad = replace(REQUEST, type="send-notification", body={**body, "to": ["nobody"]})
        return runner

    async def answer(self, request: web.Request) -> web.Response:
        if self.fault == "reset" and request.transport is not None:
            request.transport.abort()
        if self.fault == "silence":
            await self.over.wait()
        if self.fault == "error":
            return web.Response(status=500)
        self.told.append((await request.json())["message"])
        return web.Response()

    def fail(self, fault: str) -> None:
        self.fault = fault

    async def effects(self) -> list[str]:
        return self.told


class TestProcessSink(SinkContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> ProcessHarness:
        return ProcessHarness(tmp_path)


class TestWebhookSink(SinkContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[WebhookHarness]:
        harness = WebhookHarness()
        runner = await harness.start()
        yield harness
        harness.over.set()
        await harness.sink.close()
        await runner.cleanup()


class TestOwnSink(SinkContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[OwnHarness]:
        store = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
        harness = OwnHarness(store)
        await harness.start()
        yield harness
        await store.close()


class TestNotificationSink(SinkContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[NotificationHarness]:
        harness = NotificationHarness()
        runner = await harness.start()
        yield harness
        harness.over.set()
        await runner.cleanup()

    async def test_another_request_has_another_key(self, harness: NotificationHarness) -> None:  # type: ignore[override]
        for _ in range(2):
            await harness.sink.deliver(await harness.sink.prepare(harness.good))
        await harness.sink.deliver(await harness.sink.prepare(replace(harness.good, id="1" * 32)))
        assert len(harness.told) == 2

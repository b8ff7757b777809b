"""A real server on a loopback port, over a real store and the smallest engine that keeps the port's promises."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from automations.deploy.jobs import ReloadableJobs
from automations.errors import ConflictError, JobVariableErrors, NotFoundError
from automations.ingest import BearerTokens, CompiledMapping, HookMapping, OpenDoor, WebhookSource
from automations.model.event import Event
from automations.model.job import Deployment, JobFile, Layer, Provenance, Run, RunSpec, RunState, WorkPool
from automations.ports import Accepted, DeployedKind, DeployOutcome, PausableKind, RulesStatus, Transaction
from automations.server import ServerSettings, create_app
from automations.store import SqliteStore

T = TypeVar("T")
NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class ManualClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> int:
        return self.moment


class TinyEngine:
    """Stores what it accepts. `failure`, when set, is raised instead."""

    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.failure: Exception | None = None
        self.jobs = jobs()
        self.paused: set[str] = set()
        self.rules = RulesStatus("rev-1", 1, 1)
        self.redriven: list[str] = []

    def explain(self, event: Event, trace: Sequence[Any]) -> Sequence[Any]:
        return [{"automation": "repair", "reason": "fired", "parts": []}]

    async def messages(self) -> AsyncIterator[Any]:
        yield {"type": "firing", "automation": "repair"}

    async def accept(self, events: Sequence[Event]) -> Accepted:
        if self.failure is not None:
            raise self.failure
        return Accepted(await self.store.write(lambda tx: self._take(tx, events)))

    def _take(self, tx: Transaction, events: Sequence[Event]) -> list[bool]:
        known = tx.known_events([event.key for event in events])
        duplicates, fresh = [], []
        for event in events:
            duplicates.append(event.key in known)
            if event.key not in known:
                known.add(event.key)
                fresh.append(event)
        tx.add_events(fresh, [orjson.dumps(event.to_dict()) for event in fresh], [None] * len(fresh))
        tx.count_duplicates(sum(duplicates))
        return duplicates

    def rules_status(self) -> RulesStatus:
        return self.rules

    def automations(self) -> Sequence[dict[str, Any]]:
        names = ["deployment/a/b", "repair"]
        return [{"name": name, "paused": name in self.paused} for name in names]

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        if kind != "automation":
            found = self.jobs.deployment(name) if kind == "deployment" else self.jobs.work_pool(name)
            self.jobs.set_pauses({(kind, found.name): paused})
            return
        if name not in {a["name"] for a in self.automations()}:
            raise NotFoundError(f"there is no automation named {name!r}")
        (self.paused.add if paused else self.paused.discard)(name)

    async def redrive(self, dead_letter: str) -> str:
        await self.store.reads.dead_letter(dead_letter)
        self.redriven.append(dead_letter)
        return "new-action"

    async def discard(self, dead_letter: str) -> None:
        await self.store.write(lambda tx: tx.discard(dead_letter))

    async def create_run(
        self,
        deployment: str,
        *,
        parameters: dict[str, Any],
        job_variables: dict[str, Any],
        idempotency_key: str | None,
        created_by: str,
    ) -> tuple[str, bool]:
        if "bad" in job_variables:
            raise JobVariableErrors(["bad: no such variable", "cpu: must be a number"])
        spec = run_spec(parameters, job_variables, idempotency_key, created_by)
        made = await self.store.write(lambda tx: tx.add_run(spec, self.clock.now()))
        return spec.id, made

    async def cancel_run(self, run: str) -> Run:
        found = await self.store.reads.run(run)
        now = self.clock.now()
        return await self.store.write(lambda tx: tx.set_run_state(found.spec.id, RunState.CANCELLED, now))


def run_spec(parameters: Any, job_variables: Any, key: str | None, created_by: str) -> RunSpec:
    return RunSpec(
        id=f"run-{key}",
        name=f"brave-{key}",
        deployment="repair/nightly",
        work_pool="default",
        parameters=parameters,
        job_variables=job_variables,
        provenance={"/cpu": Provenance("run", created_by)},
        job={},
        entrypoint="flows.py:repair",
        directory="/flows",
        created_by=created_by,
        idempotency_key=key,
    )


class NoDeployer:
    """Deploying is proven with the real project."""

    async def deploy(self, name: str, document: Any, by: str) -> DeployOutcome:
        raise ConflictError(f"{name} is the file's", code="origin-file")

    async def put_work_pool(self, name: str, document: Any, by: str, *, overwrite: bool) -> DeployOutcome:
        raise ConflictError(f"{name} is the file's", code="origin-file")

    async def remove(self, kind: DeployedKind, name: str) -> None:
        raise ConflictError(f"{name} is the file's", code="origin-file")


def jobs() -> ReloadableJobs:
    nightly = Deployment("repair", "nightly", "flows.py:repair", "default", "/flows", job_variables=Layer())
    pool = WorkPool("default", variables={"type": "object", "properties": {"cpu": {"type": "integer"}}})
    return ReloadableJobs(JobFile([nightly], [pool]))


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.raw = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Running:
    """The server as a client sees it, and its parts."""

    def __init__(self, host: Host, store: SqliteStore, engine: TinyEngine) -> None:
        self._host, self.store, self.engine = host, store, engine

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._host.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        """Send JSON; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return self.request("POST", path, raw, {"Content-Type": "application/json", **headers})

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the server's event loop."""
        return self._host.run(work)


def sources() -> Mapping[str, WebhookSource]:
    mapping = HookMapping(
        event="git.{{ headers['x-kind'] }}",
        id="{{ body.id }}",
        resource={"id": "repo.{{ body.repo }}"},
        skip="{{ body.draft }}",
    )
    mapped = CompiledMapping(mapping)
    return {
        "git": WebhookSource("git", BearerTokens(["old-token", "new-token"]), mapped),
        "open": WebhookSource("open", OpenDoor()),
    }


class Host:
    """One uvicorn in a thread of its own, for one app after another. It listens before the thread starts, so
    nobody has to wait.
    """

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(self._serve, interface="asgi3", log_config=None, lifespan="off")
        )
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._serving = self._submit(self._server.serve(sockets=[self._listener]))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._submit(work).result(20)

    @contextmanager
    def serve(self, folder: Path, settings: ServerSettings) -> Iterator[Running]:
        clock = ManualClock()
        store = SqliteStore.open(folder / "automations.db", clock=clock)
        engine = TinyEngine(store, clock)
        self.app = create_app(engine, store, engine.jobs, NoDeployer(), sources, settings, clock)
        yield Running(self, store, engine)
        self.run(store.close())

    def stop(self) -> None:
        self._server.should_exit = True
        self._serving.result(20)
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def running_host() -> Iterator[Host]:
    host = Host()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with running_host() as host:
        yield host


@pytest.fixture
def serve(host: Host, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Serve a new app with these settings."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(host.serve(tmp_path, ServerSettings(**changes)))


@pytest.fixture
def server(serve: Callable[..., Running]) -> Running:
    return serve()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for many requests: those that leave nothing behind, or do not mind."""
    with running_host() as host, host.serve(tmp_path_factory.mktemp("shared"), ServerSettings()) as running:
        yield running

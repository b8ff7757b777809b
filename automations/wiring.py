"""The composition root: the only place where the engine, its adapters and the settings meet."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ipaddress
import os
import random
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn
from pydantic import ValidationError

from automations.backtest import Change, Replayed, difference, read_recorded, replay
from automations.deploy import ReloadableJobs, check_deployments, load_deployments
from automations.engine import StateBounds, compile_rules
from automations.engine.explain import explain
from automations.errors import (
    AutomationsError,
    Location,
    NotFoundError,
    Problem,
    RuleFileErrors,
    SettingsError,
)
from automations.ingest import WebhookSource, parse_json, read_event
from automations.logs import configure_logs
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.job import JobFile
from automations.model.moment import SECOND, parse_moment
from automations.model.ruleset import RuleSet
from automations.ports import Sink
from automations.rulefiles import LocatedTest, check_rules, check_tests, load_rules
from automations.ruletests import RunCheck, describe, run_test
from automations.runtime.dispatch import Dispatcher, SinkBinding
from automations.runtime.embedded import Bounds, EmbeddedEngine
from automations.runtime.reload import watch
from automations.runtime.ticker import Ticker
from automations.server import Scope, ServerSettings, create_app, new_api_key
from automations.settings import Settings
from automations.sinks.process import ProcessPool, ProcessSink
from automations.sinks.webhook import WebhookSettings, WebhookSink
from automations.sources import load_sources
from automations.store import Retention, SqliteStore

log = structlog.get_logger()

_LEDGER_EVERY: Final = 1.0
_PURGE_EVERY: Final = 3600.0
_SHARED_SINK_KEYS: Final = frozenset({"type", "default", "in_flight"})


class SystemClock:
    """Implements `ports.Clock` by the machine's clock."""

    def now(self) -> int:
        """Return the wall clock, microseconds since 1970."""
        return time.time_ns() // 1000


# --- files -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loaded:
    """One consistent reading of all files."""

    rules: RuleSet
    jobs: JobFile
    sources: Mapping[str, WebhookSource]


def load(settings: Settings) -> Loaded:
    """Read rules, deployments and sources; RuleFileErrors with every error of all of them."""
    problems: list[Problem] = []
    results: list[Any] = []
    for reading in (
        lambda: load_rules(settings.path("rules"), on_prefect_only="refuse"),
        lambda: _load_jobs(settings.path("deployments")),
        lambda: load_sources(settings.path("sources"), os.environ),
    ):
        try:
            results.append(reading())
        except RuleFileErrors as errors:
            problems += errors.problems
    if problems:
        raise RuleFileErrors(problems)
    return Loaded(*results)


def _load_jobs(path: Path) -> JobFile:
    return load_deployments(path, os.environ) if path.exists() else JobFile()


def check(paths: Sequence[Path], settings: Settings) -> list[Problem]:
    """Return every problem of the rule files (default: the settings' folder), deployments and sources."""
    rules = list(paths) or [settings.path("rules")]
    problems = [*check_rules(rules).problems, *check_tests(rules).problems]
    deployments = settings.path("deployments")
    if deployments.exists():
        problems += check_deployments(deployments, os.environ).problems
    try:
        load_sources(settings.path("sources"), os.environ)
    except RuleFileErrors as errors:
        problems += errors.problems
    return problems


# --- rules without an engine ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TestReport:
    """Each test with the lines of its failure (none: it passed). `uncovered`: the enabled automations that no test
    fires, with their places, of `automations` in all.
    """

    __test__ = False

    results: Sequence[tuple[LocatedTest, Sequence[str]]]
    uncovered: Mapping[str, Location]
    automations: int


def run_rule_tests(paths: Sequence[Path], settings: Settings) -> TestReport:
    """Run all rule tests below the paths; RuleFileErrors with every error of the tests and of their rules."""
    tests = check_tests(paths)
    folders = sorted({located.file.parent for located in tests.tests} | {p for p in paths if p.is_dir()})
    roots = [folder for folder in folders if not any(other in folder.parents for other in folders)]
    rules = check_rules(roots)
    problems = [*tests.problems, *(p for p in rules.problems if p.severity == "error")]
    if problems or rules.ruleset is None:
        raise RuleFileErrors(problems)
    results, fired = [], set[str]()
    check_run = run_check(settings)
    for located in tests.tests:
        outcome = run_test(located, rules.ruleset, check_run)
        results.append((located, describe(located, outcome, rules.ruleset)))
        fired |= {each.firing.automation for each in outcome.fired if not each.firing.suppressed}
    enabled = [rule.name for rule in rules.ruleset if rule.enabled]
    places = rules.ruleset.places
    return TestReport(results, {name: places[name] for name in enabled if name not in fired}, len(enabled))


def run_check(settings: Settings) -> RunCheck:
    """Return what refuses the runs that the deployment file refuses. One that it lacks is taken as given."""
    jobs = ReloadableJobs(_load_jobs(settings.path("deployments")))
    sink = ProcessSink(jobs, SystemClock())

    def check_one(request: ActionRequest) -> None:
        with contextlib.suppress(NotFoundError):
            jobs.deployment(request.body.get("deployment", ""))
            sink.check(request)

    return check_one


def explain_event(settings: Settings, raw: bytes, automation: str | None) -> Sequence[JsonObject]:
    """Explain one event, as JSON, to the project's automations or to one of them; Refused where it is no event."""
    now = SystemClock().now()
    data = parse_json(raw)
    if isinstance(data, dict):  # as a stored event is shown
        data = {key: value for key, value in data.items() if key not in ("source", "received", "hops")}
    event = read_event(data, source="api", received=now, new_id=lambda: "event")
    index = compile_rules(load_rules(settings.path("rules")))
    return [explained.to_dict() for explained in explain(index, event, automation)]


class Backtest:
    """Recorded events and the project's rules; RuleFileErrors with every error of both."""

    def __init__(self, settings: Settings, lines: Iterable[bytes], file: str, until: str | None) -> None:
        self._settings = settings
        self._events = read_recorded(lines, file)
        self._until = None if until is None else parse_moment(until)
        self._bounds = StateBounds(settings.lateness, settings.state_retention)

    def firings(self) -> Iterator[Replayed]:
        """What the rules would have done."""
        return self._replayed(load_rules(self._settings.path("rules")))

    def changes(self, against: str) -> Iterator[Change]:
        """What they do otherwise than other rules: those of a folder, or of the same folder at a git revision."""
        with rules_of(against, self._settings.path("rules")) as folder:
            before = self._replayed(load_rules(folder))
        return difference(before, self.firings())

    def _replayed(self, rules: RuleSet) -> Iterator[Replayed]:
        return replay(rules, self._events, run_check(self._settings), until=self._until, bounds=self._bounds)


@contextlib.contextmanager
def rules_of(name: str, rules: Path) -> Iterator[Path]:
    """A folder of rules by its path, or the folder `rules` as it was at a git revision, unpacked for the while."""
    if Path(name).is_dir():
        yield Path(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "-C", str(rules), "archive", "--format=tar", name, "--", "."]
        try:
            done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - no shell, fixed words
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
            raise SettingsError(f"{name!r} is neither a folder nor a git revision of {rules}: {said}") from None
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


# --- sinks -----------------------------------------------------------------------------------------------------


def _sink(name: str, table: Mapping[str, Any], jobs: ReloadableJobs, clock: SystemClock) -> Sink:
    own = {key: value for key, value in table.items() if key not in _SHARED_SINK_KEYS}
    kind = table.get("type")
    try:
        if kind == "webhook":
            keyed = "AUTOMATIONS_TEST_NO_KEY" not in os.environ
            return WebhookSink(WebhookSettings.model_validate(own), keyed=keyed)
        if kind == "process" and not own:
            return ProcessSink(jobs, clock)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"[sinks.{name}] {key}: {first['msg']}") from None
    raise SettingsError(
        f"[sinks.{name}] has the type {kind!r}" if kind != "process" else f"[sinks.{name}] takes no {min(own)!r}",
        hint="the types are 'process' and 'webhook'",
    )


def _bindings(settings: Settings, jobs: ReloadableJobs, clock: SystemClock) -> dict[str, SinkBinding]:
    tables = {"process": {"type": "process"}, "webhook": {"type": "webhook"}, **settings.sinks}
    bindings = {}
    for name, table in tables.items():
        in_flight = table.get("in_flight", 256 if table.get("type") == "process" else 8)
        bindings[name] = SinkBinding(name, _sink(name, table, jobs, clock), in_flight=in_flight)
    return bindings


def _routes(settings: Settings, bindings: Mapping[str, SinkBinding]) -> dict[str, str]:
    """Action type → sink: one of the settings wins over a built-in one, and among those the one with `default`."""

    def rank(name: str) -> tuple[bool, bool]:
        return (bool(settings.sinks.get(name, {}).get("default")), name in settings.sinks)

    routes: dict[str, str] = {}
    for name in sorted(bindings, key=rank):
        for action_type in bindings[name].sink.action_types:
            routes[action_type] = name
    return routes


# --- the application -------------------------------------------------------------------------------------------


class Application:
    """The embedded engine with everything around it. `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clock = SystemClock()
        self._loaded = load(settings)
        self._jobs = ReloadableJobs(self._loaded.jobs)
        early = "AUTOMATIONS_TEST_ACK_BEFORE_COMMIT" in os.environ
        self.store = SqliteStore.open(
            settings.path("db"), clock=self._clock, acknowledge="before-commit" if early else "after-commit"
        )
        self._bindings = _bindings(settings, self._jobs, self._clock)
        self._engine = EmbeddedEngine(
            self.store,
            self._jobs,
            self._clock,
            sink_of=_routes(settings, self._bindings),
            bounds=Bounds(settings.backlog, settings.backlog_bytes, settings.backlog),
            state_bounds=StateBounds(settings.lateness, settings.state_retention),
        )
        self.store.add_rollback_listener(self._engine.forget_cells)
        self._dispatcher = Dispatcher(
            self.store,
            self._bindings,
            self._clock,
            random=random.random,
            add_run=self._engine.add_run,
            on_settled=lambda _action, _delivery: self._pool.wake(),
        )
        self._pool = ProcessPool(
            self.store, self._jobs, self._engine.record, self._clock, limit=settings.pool_limit
        )
        self._engine.connect(
            on_actions=self._dispatcher.wake, on_runs=self._pool.wake, on_cancel=self._pool.cancel
        )
        self._ticker = Ticker(self._engine.tick, self._clock)
        self._engine.processor.on_deadline = self._ticker.expect
        self._tasks: list[asyncio.Task[None]] = []
        self._server: _Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Take up what an earlier life left, then open the door."""
        self._pool.serve_at(_own_url(*listener.getsockname()[:2]))
        await self._engine.start(self._loaded.rules)
        self._tasks = [
            asyncio.create_task(self._ticker.run(), name="ticker"),
            asyncio.create_task(self._pool.run(), name="pool"),
            asyncio.create_task(self._watch(), name="reload"),
            asyncio.create_task(self._refresh_backlog(), name="backlog"),
            asyncio.create_task(self._purge(), name="retention"),
        ]
        self._dispatcher.start()
        self._server = _Server(self._app(), listener)
        self._tasks.append(asyncio.create_task(self._server.serve(sockets=[listener]), name="http"))

    def _app(self) -> Any:
        settings = self.settings
        server = ServerSettings(
            max_event_bytes=settings.max_event_bytes,
            max_body_bytes=max(1024 * 1024, settings.max_event_bytes),
            require_keys=not _is_loopback(settings.host),
            allowed_hosts=frozenset(settings.allowed_hosts),
        )
        return create_app(self._engine, self.store, self._jobs, lambda: self._loaded.sources, server, self._clock)

    async def stop(self) -> None:
        """Drain: take nothing more, let what is under way end, commit, close."""
        grace = self.settings.drain / SECOND
        if self._server is not None:
            self._server.should_exit = True
            await asyncio.wait([self._tasks[-1]], timeout=grace / 2)
        await self._dispatcher.stop(grace / 4)
        await self._pool.stop(grace / 4)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(binding.sink.close() for binding in self._bindings.values()))
        await self.store.close()

    # --- in the background --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        settings = self.settings
        await watch([settings.path("rules"), settings.path("deployments"), settings.path("sources")], self._reload)

    async def _reload(self) -> None:
        """Swap everything at once, or nothing."""
        try:
            loaded = load(self.settings)
        except RuleFileErrors as errors:
            self._engine.reject_rules([str(p) for p in errors.problems if p.severity == "error"])
            return
        try:
            await self._engine.use_rules(loaded.rules)
        except AutomationsError as error:
            self._engine.reject_rules([str(error)])
            return
        self._loaded = loaded
        self._jobs.replace(loaded.jobs)

    async def _refresh_backlog(self) -> None:
        while True:
            try:
                ledger = await self.store.reads.ledger()
                self._engine.pending_actions = ledger.planned - ledger.delivered - ledger.dead
            except AutomationsError as error:  # the last known length stands until the store answers again
                log.warning("backlog_unknown", error=str(error))
            await asyncio.sleep(_LEDGER_EVERY)

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(_PURGE_EVERY)
            try:
                await self.store.purge(Retention(state=self.settings.state_retention))
            except AutomationsError as error:
                log.warning("retention_failed", error=str(error))


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: a shutdown drains more than HTTP."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self.address = listener.getsockname()[:2]
        super().__init__(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_url(host: str, port: int) -> str:
    """The address at which what runs on this machine finds the engine."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port or --host"
        ) from None
    return listener


async def _refuse_open_door(application: Application) -> None:
    """Beyond loopback nobody gets in without a key, so there must be one."""
    if _is_loopback(application.settings.host):
        return
    if not any(key.revoked is None for key in await application.store.reads.api_keys()):
        raise SettingsError(
            f"listening on {application.settings.host} needs an API key, and there is none",
            code="no-api-key",
            hint="make one: automations api-key create NAME --scope admin",
        )


async def serve(settings: Settings) -> int:
    """Run the embedded engine until SIGTERM or SIGINT; returns the exit code."""
    configure_logs(settings.log_level, settings.log_format)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    application = Application(settings)
    try:
        await _refuse_open_door(application)
        listener = _listen(settings.host, settings.port)
    except SettingsError:
        await application.store.close()
        raise
    with contextlib.closing(listener):
        await application.start(listener)
        host, port = listener.getsockname()[:2]
        log.info("engine_started", url=f"http://{host}:{port}", db=str(settings.path("db")))
        await stopped.wait()
        log.info("engine_stopping")
        await application.stop()
    log.info("engine_stopped")
    return 0


async def create_api_key_offline(db: Path, name: str, scopes: Collection[Scope]) -> str:
    """Make a key straight in the database of an engine that does not run; returns the key's text, shown once."""
    clock = SystemClock()
    store = SqliteStore.open(db, clock=clock)
    try:
        key, text = new_api_key(name, scopes, clock.now())
        await store.write(lambda tx: tx.add_api_key(key))
    finally:
        await store.close()
    return text

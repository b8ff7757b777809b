"""Delivery by workers: what a rule asks for is done, told, and done once where that is promised."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from kafka.audit import Audit, until
from kafka.commands import installed, send, worker
from running import AUTOMATIONS, clean_environment

from automations.model.event import Event
from automations.runtime.kafka.records import ActionRecord, DeadLetter, Result
from automations.runtime.kafka.rules import RuleFollower
from automations.runtime.kafka.topics import Topology
from automations.store import SqliteStore
from automations.wiring.clock import SystemClock

RULES = """
- name: runs
  trigger: {expect: order.created}
  actions:
    - type: run-deployment
      deployment: orders/default
      job_variables: {env: {ORDER: "{{ event.resource.id }}"}}
- name: calls
  trigger: {expect: order.created}
  actions: [{type: call-webhook, url: "URL/hook", body: {n: "{{ event.id }}"}}]
- name: follows
  trigger: {expect: automations.run.Completed}
  actions: [{type: call-webhook, url: "URL/done"}]
- name: chains
  trigger: {expect: order.created}
  actions: [{type: emit-event, event: order.seen, resource: {id: "{{ event.resource.id }}"}}]
- name: chained
  trigger: {expect: order.seen}
  actions: [{type: call-webhook, url: "URL/seen"}]
"""
DEPLOYMENTS = """
work_pools:
  - {name: local, type: process}
deployments:
  - name: orders/default
    entrypoint: flow.py:main
    work_pool: {name: local}
"""
FLOW = """
import os
def main():
    with open("made.txt", "a") as made:
        made.write(os.environ["ORDER"] + "\\n")
"""


class Receiver(ThreadingHTTPServer):
    """Takes calls; with `answer` other than 200 it refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[str, str, Any]] = []
        self.answer = 200
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def keys(self, path: str) -> Counter[str]:
        return Counter(key for called, key, _ in self.calls if called == path)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
        self.server.calls.append((self.path, self.headers["idempotency-key"], body))
        self.send_response(self.server.answer)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, topology: Topology, receiver: Receiver) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "orders.yaml").write_text(RULES.replace("URL", receiver.url))
    (tmp_path / "deployments.yaml").write_text(DEPLOYMENTS)
    (tmp_path / "flow.py").write_text(FLOW)
    hooks = '[sinks.hooks]\ntype = "webhook"\nallow_http = true\nallow = ["127.0.0.1"]\n'
    (tmp_path / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n{hooks}')
    return tmp_path


def created(*numbers: int) -> list[Event]:
    return [Event("t", str(n), "order.created", n, n, {"prefect.resource.id": f"order.{n}"}) for n in numbers]


async def results(audit: Audit) -> list[Result]:
    return [Result.read(record) for record in await audit.records(audit.topology.results)]


async def test_what_rules_ask_for_is_done_and_told(
    kafka: str, project: Path, topology: Topology, receiver: Receiver
) -> None:
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka) as process:
        await send(audit.cluster, topology, *created(1, 2, 3))
        await until(lambda: counted(receiver, hook=3, seen=3, done=3))
        process.terminate()
        assert process.wait(20) == 0
    told = await results(audit)
    assert Counter(result.automation for result in told) == dict.fromkeys(
        ("runs", "calls", "chains", "follows", "chained"), 3
    )
    assert {result.state for result in told} == {"delivered"}
    assert {result.sink for result in told} == {"process", "hooks", "automations"}
    assert sorted((project / "made.txt").read_text().split()) == ["order.1", "order.2", "order.3"]
    assert await audit.lag("dispatch") == 0


async def counted(receiver: Receiver, **wanted: int) -> bool:
    return all(len(receiver.keys(f"/{path}")) == number for path, number in wanted.items())


async def test_what_cannot_be_delivered_is_a_dead_letter_with_all_that_sends_it_again(
    kafka: str, project: Path, topology: Topology, receiver: Receiver
) -> None:
    (project / "deployments.yaml").unlink()
    receiver.answer = 422
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka):
        await send(audit.cluster, topology, *created(1))
        letters = await until(lambda: dead(audit, 2))
    by_automation = {ActionRecord.read(as_read(letter)).action.automation: letter for letter in letters}
    assert {name: letter.code for name, letter in by_automation.items()} == {
        "runs": "not-found",
        "calls": "rejected",
    }
    assert {letter.stage for letter in letters} == {"dispatch"}
    assert {letter.origin.topic for letter in letters if letter.origin} == {topology.actions}
    told = {result.automation: result for result in await results(audit)}
    assert (told["runs"].state, told["runs"].code) == ("dead", "not-found")
    assert "orders/default" in told["runs"].reason


async def dead(audit: Audit, number: int) -> list[DeadLetter]:
    letters = await audit.dead_letters()
    return letters if len(letters) == number else []


@dataclass(frozen=True)
class as_read:
    """A letter's record, as its topic held it."""

    letter: DeadLetter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.letter, name)


async def test_one_slow_sink_holds_back_no_other(
    kafka: str, project: Path, topology: Topology, receiver: Receiver
) -> None:
    receiver.answer = 503
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka) as process:
        await send(audit.cluster, topology, *created(*range(50)))
        await until(lambda: made(project, 50))
        assert await audit.lag("dispatch") > 0
        receiver.answer = 200
        process.terminate()
        assert process.wait(20) == 0
    with worker(project, kafka):
        await until(lambda: counted(receiver, done=50, seen=50), 60)
        await audit.drained("dispatch")
    assert len(receiver.keys("/hook")) == 50
    assert Counter(result.action for result in await results(audit)).most_common(1)[0][1] == 1


async def made(project: Path, number: int) -> bool:
    file = project / "made.txt"
    return file.exists() and len(file.read_text().split()) == number


async def test_through_kills_each_action_makes_one_run_and_has_one_result(
    kafka: str, project: Path, topology: Topology, receiver: Receiver
) -> None:
    installed(project, kafka)
    audit = Audit(kafka, topology)
    sending = asyncio.create_task(trickle(audit, created(*range(200))))
    databases = ("first.db", "second.db")
    with running(project, kafka, databases) as workers:
        for round_ in range(4):
            before = len(await results(audit))
            await until(lambda before=before: grown(audit, before))  # type: ignore[misc]
            workers.kill(databases[round_ % 2])
            workers.start(databases[round_ % 2])
        await sending
        await audit.drained("match", "evaluate", "dispatch")
        await until(lambda: counted(receiver, seen=200))
        for database in databases:  # so each has made the runs that it had claimed
            await until(lambda database=database: ready(address(project / f"{database}.log")))  # type: ignore[misc]
        workers.stop()
    told = Counter(result.action for result in await results(audit) if result.automation in ("runs", "calls"))
    asked = [action.id for action in await audit.actions() if action.automation in ("runs", "calls")]
    assert told == dict.fromkeys(asked, 1)
    assert len(receiver.keys("/hook")) == 200
    runs = [run for name in databases for run in await runs_in(project / name)]
    assert Counter(runs) == dict.fromkeys(
        [action.id for action in await audit.actions() if action.automation == "runs"], 1
    )


async def trickle(audit: Audit, events: list[Event]) -> None:
    for begin in range(0, len(events), 10):
        await send(audit.cluster, audit.topology, *events[begin : begin + 10])
        await asyncio.sleep(0.1)


async def grown(audit: Audit, before: int) -> bool:
    return len(await results(audit)) > before


async def runs_in(database: Path) -> list[str]:
    store = SqliteStore.open(database, clock=SystemClock())
    try:
        page = await store.reads.runs(limit=200)
        found = [run.spec.id for run in page.items]
        while page.next is not None:
            page = await store.reads.runs(limit=200, cursor=page.next)
            found += [run.spec.id for run in page.items]
        return found
    finally:
        await store.close()


class Running:
    """Workers of a project, each by its database."""

    def __init__(self, project: Path, kafka: str) -> None:
        self._project, self._kafka = project, kafka
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, database: str) -> None:
        command = [*AUTOMATIONS, "worker", "--kafka", self._kafka, "--db", database]
        with (self._project / f"{database}.log").open("ab") as output:
            self.processes[database] = subprocess.Popen(
                command, cwd=self._project, stderr=output, env=clean_environment()
            )

    def kill(self, database: str) -> None:
        self.processes[database].kill()
        self.processes[database].wait(10)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            assert process.wait(20) == 0


@contextmanager
def running(project: Path, kafka: str, databases: Iterable[str]) -> Iterator[Running]:
    started = Running(project, kafka)
    for database in databases:
        started.start(database)
    try:
        yield started
    except BaseException:
        for log in project.glob("*.log"):
            print(log.name, log.read_text()[-4000:])
        raise
    finally:
        for database in started.processes:
            started.kill(database)


async def test_a_pause_by_a_rule_is_heeded_by_all_workers(
    kafka: str, project: Path, topology: Topology, receiver: Receiver
) -> None:
    rules = project / "rules" / "orders.yaml"
    freeze = (
        "- {name: freeze, trigger: {expect: freeze}, actions: [{type: pause-automation, automation: calls}]}\n"
    )
    rules.write_text(rules.read_text() + freeze)
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka):
        await send(audit.cluster, topology, Event("t", "f", "freeze", 1, 1, {"prefect.resource.id": "x"}))
        await until(lambda: counted_results(audit, "freeze"))
        follower = RuleFollower(audit.cluster, topology)
        following = asyncio.create_task(follower.run(asyncio.Event()))
        assert ("automation", "calls") in (await follower.after(-1)).pauses
        following.cancel()
        await until(lambda: paused_skips(audit, topology, receiver))


async def counted_results(audit: Audit, automation: str) -> bool:
    return any(result.automation == automation for result in await results(audit))


async def paused_skips(audit: Audit, topology: Topology, receiver: Receiver) -> bool:
    """An event is seen, and the paused rule has not called."""
    number = len(receiver.calls) + 100
    called, seen = len(receiver.keys("/hook")), len(receiver.keys("/seen"))
    await send(audit.cluster, topology, *created(number))
    await until(lambda: counted(receiver, seen=seen + 1))
    return called == len(receiver.keys("/hook"))


async def test_a_worker_tells_how_it_goes(kafka: str, project: Path, topology: Topology) -> None:
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka):
        await until(lambda: ready(address(project / "worker.log")))
        url = address(project / "worker.log")
        await send(audit.cluster, topology, *created(1))
        await audit.drained("match", "evaluate", "dispatch")
        status = await until(lambda: at_rest(url))
        assert set(status["stages"]) == {"match", "evaluate", "dispatch"}
        match = status["stages"]["match"]
        assert (match["lag"], match["lost"], match["dead_letters"]) == (0, 0, 0)
        assert [partition["restored"] for partition in match["partitions"]] == [True, True]
        assert fetched(url, "/healthz") == b'{"status":"ok"}'
        metrics = fetched(url, "/metrics").decode()
        assert 'automations_worker_lag{partition="0",stage="dispatch"} 0.0' in metrics
        assert "automations_worker_ready 1.0" in metrics
        with pytest.raises(HTTPError, match="404"):
            fetched(url, "/api/events")


async def test_a_worker_tells_of_its_runs_and_cancels_them(kafka: str, project: Path, topology: Topology) -> None:
    (project / "flow.py").write_text(
        "import time\ndef main():\n    print('begun', flush=True)\n    time.sleep(60)\n"
    )
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka):
        await until(lambda: ready(address(project / "worker.log")))
        url = address(project / "worker.log")

        def command(*arguments: str) -> str:
            done = run_command(url, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        async def printed() -> bool:
            return "begun" in command("run", "logs", made)

        await send(audit.cluster, topology, *created(1))
        made = await until(lambda: only_run(url), 60)
        await until(printed)
        inspected = json.loads(command("run", "inspect", made, "--json"))
        assert inspected["job_variables"]["env"]["ORDER"] == "order.1"
        assert inspected["provenance"]["/env/ORDER"]["layer"] == "run"
        command("run", "cancel", made)

        async def cancelled() -> bool:
            return "Cancelled" in command("run", "ls")

        await until(cancelled)
        assert run_command(url, "run", "inspect", "nothing").returncode == 1


async def only_run(url: str) -> str | None:
    items = json.loads(fetched(url, "/api/runs"))["items"]
    return items[0]["id"] if items else None


def run_command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AUTOMATIONS, *arguments],
        env=clean_environment(AUTOMATIONS_API_URL=url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def address(log: Path) -> str:
    """Where the last worker that wrote this log tells how it goes."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return next((line["url"] for line in reversed(lines) if line["event"] == "worker_started"), "")


async def ready(url: str) -> bool:
    if not url:
        return False
    try:
        return b"ready" in fetched(url, "/readyz")
    except HTTPError as error:
        with error:
            return False


async def at_rest(url: str) -> Any:
    status = json.loads(fetched(url, "/api/status"))
    return status if status["stages"]["match"]["read"] >= 1 and status["ready"] else None


def fetched(url: str, path: str) -> bytes:
    with urlopen(url + path, timeout=10) as response:
        return bytes(response.read())

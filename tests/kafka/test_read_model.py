"""What a gateway tells of its cluster: the same that an engine on one machine tells of itself."""

from __future__ import annotations

import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka.audit import Audit
from kafka.commands import installed, run, worker
from running import Engine, event

from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import DeadLetter
from automations.runtime.kafka.topics import Topology

RULES = """
- name: at-once
  trigger: {expect: order.created, match: {size: large}}
  actions: [{type: emit-event, event: order.large, resource: {id: large}}]
- name: third-of-a-customer
  trigger: {expect: order.created, threshold: 3, within: 1h, for_each: customer}
  actions:
    - {type: emit-event, event: order.third, resource: {id: third}}
    - {type: emit-event, event: order.counted, resource: {id: third}, payload: {of: "{{ labels.customer }}"}}
- name: both
  trigger:
    type: compound
    require: all
    within: 1h
    triggers:
      - {expect: order.created, for_each: customer}
      - {expect: order.paid, for_each: customer}
  actions: [{type: do-nothing}]
- name: cannot-be-rendered
  trigger: {expect: order.odd}
  actions:
    - {type: do-nothing}
    - {type: call-webhook, url: "http://localhost/x", body: "{{ 1 // event.payload.n }}"}
- name: is-refused
  trigger: {expect: order.odd}
  actions: [{type: call-webhook, url: "http://localhost/x"}]
- name: asleep
  enabled: false
  trigger: {expect: order.created}
  actions: [{type: do-nothing}]
"""
READ = (
    "events",
    "firings",
    "actions",
    "dead-letters?state=all",
)


@pytest.fixture
def project(tmp_path: Path, topology: Topology) -> Path:
    folder = tmp_path / "cluster"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "orders.yaml").write_text(RULES)
    (folder / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n')
    return folder


@contextmanager
def serving(project: Path, *flags: str) -> Iterator[Engine]:
    running = Engine(project, *flags)
    try:
        yield running
    finally:
        assert running.stop() == 0


@pytest.fixture
def gateway(kafka: str, project: Path) -> Iterator[Engine]:
    installed(project, kafka)
    with serving(project, "--kafka", kafka) as running:
        yield running


def orders() -> list[dict[str, Any]]:
    """Of four customers, in whose order they come: it is that of a key."""
    created = [event(str(n), **customer(n), size="small" if n % 5 else "large") for n in range(40)]
    paid = [event(f"paid-{n}", "order.paid", **customer(n)) for n in range(4)]
    odd = {**event("odd", "order.odd"), "payload": {"n": 0}}
    return [*created, *paid, odd, created[0]]


def customer(number: int) -> dict[str, str]:
    return {"id": f"customer.{number % 4}", "customer": f"c{number % 4}"}


def settled(engine: Engine) -> bool:
    status = engine.get("/api/status")
    assert status["events"]["accepted"] == 45 + 16
    assert_adds_up(status)
    pending = status["events"]["pending"] + status["actions"]["pending"]
    return (pending, status.get("behind", 0), status["rules"]["loaded"]) == (0, 0, 6)


def assert_adds_up(status: dict[str, Any]) -> None:
    events, actions = status["events"], status["actions"]
    assert events["accepted"] == events["processed"] + events["pending"]
    assert actions["planned"] == actions["delivered"] + actions["dead"] + actions["pending"]


def listed(engine: Engine, what: str) -> list[dict[str, Any]]:
    """All pages of a listing."""
    found, cursor = list[dict[str, Any]](), ""
    while True:
        page = engine.get(f"/api/{what}{'&' if '?' in what else '?'}limit=7{cursor}")
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


_OF_THE_PLACE = ("received", "stored", "created", "settled", "occurred", "at", "next_attempt", "location")
"""When something happened, and where a file stands."""


def compared(row: dict[str, Any]) -> str:
    return repr(sorted((key, value) for key, value in row.items() if key not in _OF_THE_PLACE))


def test_it_tells_what_an_engine_on_one_machine_tells(
    gateway: Engine, kafka: str, project: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(project / "rules", alone / "rules")
    moment = {"occurred": "2026-01-02T03:04:05Z"}
    with serving(alone) as engine, worker(project, kafka):
        for each in (engine, gateway):
            for order in orders():
                each.send({**order, **moment})
        engine.until(lambda: settled(engine))
        gateway.until(lambda: settled(gateway), 60)
        for what in ("events", "firings", "automations"):
            assert sorted(map(compared, listed(gateway, what))) == sorted(map(compared, listed(engine, what)))
        for what in ("actions", "dead-letters?state=all"):
            assert sorted(map(outline, listed(gateway, what))) == sorted(map(outline, listed(engine, what)))
        for number in (0, 7, "odd", "paid-1"):
            path = f"/api/events/api/{number}/trace"
            assert gateway.get(path) == engine.get(path)
        ours, theirs = gateway.get("/api/status"), engine.get("/api/status")
        for counts in ("events", "actions", "firings", "revision", "duplicates", "backlog_bytes"):
            assert ours[counts] == theirs[counts] or counts == "backlog_bytes"


def outline(row: dict[str, Any]) -> str:
    """Ids of letters and references are their place's own; the action behind is the same."""
    keys = ("automation", "firing", "type", "state", "kind", "code", "event", "body")
    return repr([row.get(key) for key in keys])


def snapshot(gateway: Engine) -> dict[str, Any]:
    answers = {what: listed(gateway, what) for what in READ}
    answers["status"] = gateway.get("/api/status")
    answers["traces"] = [gateway.get(f"/api/events/api/{n}/trace") for n in (0, 7, "odd")]
    return {
        name: sorted(map(repr, answer)) if isinstance(answer, list) else answer for name, answer in answers.items()
    }


def test_it_goes_on_after_a_kill_and_is_made_again_where_it_is_lost(
    gateway: Engine, kafka: str, project: Path
) -> None:
    with worker(project, kafka):
        gateway.send(*orders()[:20])
        gateway.kill()
        gateway.start()
        for order in orders()[20:]:
            gateway.send(order)
        gateway.send(orders()[0])
        gateway.until(lambda: settled(gateway), 60)
    before = snapshot(gateway)
    gateway.kill()
    gateway.start()
    gateway.until(lambda: settled(gateway))
    assert snapshot(gateway) == before
    gateway.stop()
    for file in project.glob("automations.db*"):
        file.unlink()
    gateway.start()
    gateway.until(lambda: settled(gateway), 60)
    assert snapshot(gateway) == before


def test_what_no_worker_has_processed_is_pending(gateway: Engine, kafka: str, project: Path) -> None:
    gateway.send(*orders())
    gateway.until(lambda: gateway.get("/api/status")["events"]["accepted"] == 45)
    status = gateway.get("/api/status")
    assert (status["events"]["pending"], status["duplicates"]) == (45, 0)
    with worker(project, kafka, "--stage", "match"):
        gateway.until(lambda: gateway.get("/api/status")["events"]["pending"] == 0, 60)
    with worker(project, kafka, "--stage", "evaluate"):
        gateway.until(lambda: gateway.get("/api/status")["actions"]["pending"] == 17, 60)
    assert_adds_up(gateway.get("/api/status"))


def test_letters_are_redriven_and_given_up(gateway: Engine, kafka: str, project: Path) -> None:
    with worker(project, kafka):
        gateway.send({**event("odd", "order.odd"), "payload": {"n": 0}})
        letters = gateway.until(lambda: two_letters(gateway), 60)
    given_up = next(letter for letter in letters if letter["code"] == "refused")
    failed = next(letter for letter in letters if letter["automation"] == "cannot-be-rendered")
    status, answer = gateway.request("POST", f"/api/dead-letters/{given_up['id']}/redrive")
    assert status == 200
    again = gateway.get(f"/api/dead-letters/{given_up['id']}")
    assert (again["state"], again["redriven_as"]) == ("redriven", answer["action"])
    assert [row["id"] for row in gateway.get("/api/actions?state=pending")["items"]] == [answer["action"]]
    assert gateway.request("POST", f"/api/dead-letters/{given_up['id']}/redrive")[0] == 409
    assert gateway.request("POST", f"/api/dead-letters/{failed['id']}/redrive")[1]["code"] == "not-redrivable"
    assert gateway.request("POST", f"/api/dead-letters/{failed['id']}/discard")[1]["state"] == "discarded"
    assert gateway.request("POST", "/api/dead-letters/0-99999/discard")[0] == 404
    assert gateway.get("/api/dead-letters")["items"] == []


def two_letters(gateway: Engine) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = gateway.get("/api/dead-letters")["items"]
    return found if len(found) == 2 else None


def test_an_automation_that_is_paused_here_is_paused_at_the_workers(
    gateway: Engine, kafka: str, project: Path
) -> None:
    with worker(project, kafka):
        gateway.until(lambda: gateway.get("/api/automations")["items"])
        status, answer = gateway.request("POST", "/api/automations/at-once/pause")
        assert (status, answer["paused"]) == (200, True)
        gateway.send(event("1", size="large"))
        gateway.until(lambda: fate(gateway, "1") == "paused", 60)
        assert gateway.request("POST", "/api/automations/at-once/resume")[1]["paused"] is False
        gateway.send(event("2", size="large"))
        gateway.until(lambda: fate(gateway, "2") == "fired")
    status, answer = gateway.request("POST", "/api/automations/at-onze/pause")
    assert (status, "at-once" in answer["hint"]) == (404, True)


def fate(gateway: Engine, event: str) -> str:
    explained = gateway.get(f"/api/events/api/{event}/trace")["automations"]
    return next(str(each["reason"]) for each in explained if each["automation"] == "at-once")


def test_those_who_watch_are_told_what_happens(gateway: Engine, kafka: str, project: Path) -> None:
    lines: list[str] = []

    def watch() -> None:
        with urllib.request.urlopen(gateway.url + "/api/stream", timeout=60) as stream:
            lines.extend(line.decode() for line in stream)

    watching = threading.Thread(target=watch)
    watching.start()
    with worker(project, kafka):

        def told(sign: str) -> Callable[[], bool]:
            return lambda: any(sign in line for line in lines)

        def sent() -> bool:
            gateway.send(event("1", size="large"))
            return told('"order.created"')()

        gateway.until(sent)
        gateway.until(told('"at-once"'), 60)
    gateway.stop()
    watching.join(10)
    assert not watching.is_alive()
    gateway.start()


async def test_what_is_no_event_is_a_letter_and_stops_nothing(
    gateway: Engine, kafka: str, project: Path, topology: Topology
) -> None:
    async with Cluster(kafka).producer() as producer:
        await producer.send_and_wait(topology.events, b"{", b"key")
        await producer.send_and_wait(topology.results, b"{}", b"key", headers=[("automations", b"result/1")])
    gateway.send(event("1"))
    with worker(project, kafka):
        gateway.until(lambda: gateway.get("/api/dead-letters")["items"], 60)
    (letter,) = gateway.get("/api/dead-letters")["items"]
    assert (letter["kind"], letter["code"], letter["state"]) == ("event", "bad-json", "open")
    assert [found["id"] for found in gateway.get("/api/events")["items"]] == ["1"]
    (dead,) = await Audit(kafka, topology).dead_letters()
    assert isinstance(dead, DeadLetter)


def test_a_database_is_an_engine_s_or_a_read_model(kafka: str, project: Path, tmp_path: Path) -> None:
    installed(project, kafka)
    with serving(project) as engine:
        engine.send(event("1"))
    refused = run(project, "serve", "--kafka", kafka, "--port", "0")
    assert (refused.returncode, "that of an engine on one machine" in refused.stderr) == (1, True)
    with serving(project, "--kafka", kafka, "--db", str(tmp_path / "gateway.db")) as gateway:
        gateway.send(event("1"))
        gateway.until(lambda: gateway.get("/api/events")["items"])
    for command in (["serve"], ["worker", "--kafka", kafka]):
        refused = run(project, *command, "--port", "0", "--db", str(tmp_path / "gateway.db"))
        assert (refused.returncode, "the read model of a gateway" in refused.stderr) == (1, True), refused.stderr

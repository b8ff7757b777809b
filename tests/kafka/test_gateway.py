"""The doors of a cluster: `serve --kafka`, `emit --kafka`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka.audit import Audit, until
from kafka.broker import Broker
from kafka.commands import installed, run, worker
from kafka.conftest import coordinating
from running import Engine

from automations.model.event import Event
from automations.runtime.kafka.records import EventRecord, partition_of
from automations.runtime.kafka.topics import Topology

RULES = """
- name: at-once
  trigger: {expect: order.created}
  actions: [{type: do-nothing}]
"""
SOURCES = """
sources:
  - name: shop
    type: webhook
    auth: {type: none}
    mapping:
      event: "shop.{{ body.kind }}"
      id: "{{ body.id }}"
      resource: {id: "shop.{{ body.id }}"}
      skip: "{{ body.skip }}"
"""


@pytest.fixture
def project(tmp_path: Path, topology: Topology) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "orders.yaml").write_text(RULES)
    (tmp_path / "sources.yaml").write_text(SOURCES)
    (tmp_path / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n')
    return tmp_path


@pytest.fixture
def gateway(kafka: str, project: Path) -> Iterator[Engine]:
    installed(project, kafka)
    running = Engine(project, "--kafka", kafka)
    yield running
    assert running.stop() == 0


def events(kafka: str, topology: Topology) -> list[Event]:
    async def read() -> list[Event]:
        return [EventRecord.read(r).event for r in await Audit(kafka, topology).records(topology.events)]

    return asyncio.run(read())


def order(identity: str, resource: str = "order.1") -> dict[str, Any]:
    return {"event": "order.created", "id": identity, "resource": {"id": resource}, "payload": {"n": 1}}


def test_what_is_answered_stands_on_the_topic(gateway: Engine, kafka: str, topology: Topology) -> None:
    answer = gateway.send(order("1"), order("2", "order.2"))
    assert answer == {"accepted": 2, "duplicates": 0, "refused": [], "ids": ["1", "2"]}
    found = {event.id: event for event in events(kafka, topology)}
    assert found.keys() == {"1", "2"}
    event = found["1"]
    assert (event.source, event.name, event.payload) == ("api", "order.created", {"n": 1})
    assert event.resource == {"prefect.resource.id": "order.1"}


async def test_events_of_a_resource_are_on_one_partition_where_every_producer_puts_them(
    gateway: Engine, kafka: str, topology: Topology
) -> None:
    gateway.send(*(order(str(n), f"order.{n % 5}") for n in range(50)))
    records = await Audit(kafka, topology).records(topology.events)
    assert {record.partition for record in records} == {0, 1}
    assert all(record.partition == partition_of(record.key or b"", 2) for record in records)


def test_each_input_of_a_batch_is_answered(gateway: Engine, kafka: str, topology: Topology) -> None:
    status, answer = gateway.request("POST", "/api/events", [order("1"), {"event": "x"}, order("1"), order("2")])
    assert (status, answer["accepted"], answer["duplicates"]) == (202, 2, 1)
    assert [(found["index"], found["code"]) for found in answer["refused"]] == [(1, "missing-field")]
    assert answer["ids"] == ["1", None, "1", "2"]
    assert sorted(event.id for event in events(kafka, topology)) == ["1", "2"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad-json"),
        (b'{"event": "a", "event": "b", "resource": {"id": "1"}}', 422, "duplicate-key"),
        (b'{"event": "a", "resource": {"id": "1"}, "payload": {"n": NaN}}', 422, "number-range"),
        (b'{"event": "a", "resource": {"id": "1"}, "payload": {"t": "%s"}}' % (b"x" * 300_000), 422, "too-large"),
        (json.dumps([order(str(n)) for n in range(501)]).encode(), 413, "batch-too-large"),
    ],
)
def test_the_door_refuses_what_the_engine_s_own_does(
    gateway: Engine, kafka: str, topology: Topology, body: bytes, status: int, code: str
) -> None:
    found, answer = gateway.request("POST", "/api/events", body)
    assert (found, answer["code"]) == (status, code)
    assert events(kafka, topology) == []


def test_webhooks_are_mapped_and_changed_sources_are_taken_up(
    gateway: Engine, kafka: str, topology: Topology
) -> None:
    assert gateway.request("POST", "/hooks/shop", {"kind": "sale", "id": "7"})[0] == 202
    assert gateway.request("POST", "/hooks/shop", {"kind": "sale", "id": "8", "skip": True})[1]["skipped"] == 1
    (event,) = events(kafka, topology)
    assert (event.source, event.name, event.id) == ("shop", "shop.sale", "7")
    (gateway.project / "sources.yaml").write_text(SOURCES.replace("name: shop", "name: store"))
    skipped = {"kind": "a", "id": "9", "skip": True}
    gateway.until(lambda: gateway.request("POST", "/hooks/store", skipped)[0] == 202)
    (gateway.project / "sources.yaml").write_text("sources: 5")
    gateway.until(lambda: any(line["event"] == "sources_rejected" for line in gateway.log))
    assert gateway.request("POST", "/hooks/store", skipped)[0] == 202


def test_readiness_and_metrics_are_told_and_nothing_that_it_has_not(gateway: Engine) -> None:
    gateway.send(order("1"), order("1"))
    assert gateway.get("/readyz") == {"status": "ready"}
    assert gateway.get("/healthz") == {"status": "ok"}
    assert gateway.request("GET", "/api/runs")[0] == 404
    with urlopen(f"{gateway.url}/metrics") as response:
        metrics = response.read().decode()
    assert "automations_door_accepted_total 1.0" in metrics
    assert "automations_door_duplicates_total 1.0" in metrics
    gateway.until(lambda: "automations_rules 1.0" in urlopen(f"{gateway.url}/metrics").read().decode())


async def test_workers_decide_about_what_came_in_by_the_gateway(
    gateway: Engine, kafka: str, project: Path, topology: Topology
) -> None:
    with worker(project, kafka):
        gateway.send(order("1"))
        (firing,) = await until(Audit(kafka, topology).firings)
        assert firing["automation"] == "at-once"


def test_beyond_loopback_a_key_is_needed(kafka: str, project: Path) -> None:
    installed(project, kafka)
    refused = run(project, "serve", "--kafka", kafka, "--host", "::", "--port", "0")
    assert refused.returncode == 1
    assert "[no-api-key]" in refused.stderr


def test_without_its_topics_a_gateway_does_not_start(kafka: str, project: Path) -> None:
    refused = run(project, "serve", "--kafka", kafka, "--port", "0")
    assert refused.returncode == 1
    assert f"automations topics create --kafka {kafka}" in refused.stderr


def test_without_kafka_a_gateway_does_not_start(project: Path) -> None:
    refused = run(project, "serve", "--kafka", "127.0.0.1:1", "--port", "0")
    assert refused.returncode == 3


def test_while_kafka_is_away_nothing_is_acknowledged_and_afterwards_it_goes_on(
    tmp_path_factory: pytest.TempPathFactory, project: Path, topology: Topology
) -> None:
    broker = Broker(tmp_path_factory.mktemp("gateway-kafka"))
    broker.start()
    asyncio.run(until(lambda: coordinating(broker.bootstrap)))
    try:
        installed(project, broker.bootstrap)
        gateway = Engine(project, "--kafka", broker.bootstrap)
        gateway.send(order("1"))
        broker.kill()
        status, answer = gateway.request("POST", "/api/events", order("2"))
        assert (status, answer["code"]) == (503, "unreachable")
        assert broker.bootstrap not in json.dumps(answer)
        assert gateway.request("GET", "/readyz")[0] == 503
        broker.start()
        gateway.until(lambda: gateway.request("POST", "/api/events", order("3"))[0] == 202, seconds=60)
        assert {"1", "3"} <= {event.id for event in events(broker.bootstrap, topology)}
        assert gateway.stop() == 0
    finally:
        broker.stop()


# --- emit ----------------------------------------------------------------------------------------------------


def test_an_event_is_emitted_onto_the_topic(kafka: str, project: Path, topology: Topology) -> None:
    installed(project, kafka)
    done = run(project, "emit", "order.created", "-r", "id=order.1", "-d", '{"n": 1}', "--kafka", kafka)
    (event,) = events(kafka, topology)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{event.id}\n", "")
    assert (event.source, event.name, event.payload) == ("api", "order.created", {"n": 1})


def test_lines_are_emitted_in_batches_and_refused_ones_reported(
    kafka: str, project: Path, topology: Topology
) -> None:
    installed(project, kafka)
    lines = [json.dumps(order(str(n), f"order.{n}")) for n in range(250)] + ["{", '{"event": "x"}']
    done = run(project, "emit", "-", "--kafka", kafka, stdin="\n".join(lines))
    assert done.returncode == 1
    assert [line.split("]")[0] for line in done.stderr.splitlines()[:2]] == [
        "line 251: [bad-json",
        "line 252: [missing-field",
    ]
    assert done.stderr.splitlines()[-1] == "250 accepted, 0 duplicates, 2 refused, up to line 252"
    assert sorted(int(event.id) for event in events(kafka, topology)) == list(range(250))


def test_an_event_that_is_refused_is_told_with_its_reason(kafka: str, project: Path) -> None:
    done = run(project, "emit", "order.created", "--kafka", kafka)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[bad-label]" in done.stderr or "[missing-field]" in done.stderr


def test_without_its_topic_an_event_is_not_acknowledged(kafka: str, project: Path, topology: Topology) -> None:
    done = run(project, "emit", "order.created", "-r", "id=1", "--kafka", kafka)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{topology.events}" in done.stderr
    assert f"automations topics create --kafka {kafka}" in done.stderr


def test_an_event_goes_to_an_engine_or_to_a_topic(project: Path) -> None:
    done = run(project, "emit", "e", "-r", "id=1", "--kafka", "127.0.0.1:1", "--to", "http://127.0.0.1:1")
    assert done.returncode == 2

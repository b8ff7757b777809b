"""A Kafka topic as a source of the embedded engine: every record once, whatever falls over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from kafka.audit import until
from kafka.broker import Broker
from kafka.commands import run
from kafka.conftest import coordinating
from running import Engine

from automations.runtime.kafka.cluster import Cluster

RULES = """
- name: fails
  trigger: {expect: shop.failed}
  actions: [{type: do-nothing}]
"""
MAPPING = """
    mapping:
      event: "shop.{{ body.kind }}"
      resource: {id: "order.{{ body.order }}"}
      skip: "{{ body.test }}"
"""


class Topic:
    """A topic that others write."""

    def __init__(self, bootstrap: str, partitions: int = 2) -> None:
        self.bootstrap, self.partitions = bootstrap, partitions
        self.name = f"orders-{uuid4().hex[:12]}"
        self.cluster = Cluster(bootstrap)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        yield admin
        await admin.close()

    async def make(self) -> None:
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(self.name, self.partitions, 1)])

    async def write(self, *values: Any, partition: int | None = None, headers: Sequence[Any] = ()) -> None:
        async with self.cluster.producer() as producer:
            for value in values:
                raw = value if isinstance(value, bytes) else orjson.dumps(value)
                await producer.send(self.name, raw, partition=partition, headers=list(headers))
            await producer.flush()


@pytest.fixture
async def topic(kafka: str) -> Topic:
    made = Topic(kafka)
    await made.make()
    return made


def project(folder: Path, topic: Topic, more: str = MAPPING, start: str = "earliest") -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "shop.yaml").write_text(RULES)
    (folder / "automations.toml").write_text(f'[kafka]\nbootstrap = "{topic.bootstrap}"\n')
    (folder / "sources.yaml").write_text(
        f"sources:\n  - name: shop\n    type: kafka\n    topic: {topic.name}\n    start: {start}\n{more}"
    )
    return folder


def orders(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "failed", "order": number, **more} for number in numbers]


def events(engine: Engine) -> list[dict[str, Any]]:
    return [item for item in engine.get("/api/events?limit=200")["items"] if item["source"] == "shop"]


def taken(engine: Engine, number: int) -> None:
    engine.until(lambda: engine.get("/api/status")["events"]["processed"] >= number)


def logged(engine: Engine, event: str) -> list[dict[str, Any]]:
    return [line for line in engine.log if line.get("event") == event]


async def test_records_become_events_by_the_mapping(topic: Topic, tmp_path: Path) -> None:
    await topic.write(*orders(1), partition=0)
    await topic.write(*orders(2, test=True), *orders(3), partition=1)
    engine = Engine(project(tmp_path, topic))
    try:
        taken(engine, 2)
        found = {event["id"]: event for event in events(engine)}
        assert found.keys() == {f"{topic.name}-0-0", f"{topic.name}-1-1"}
        event = found[f"{topic.name}-0-0"]
        assert (event["event"], event["resource"]["prefect.resource.id"]) == ("shop.failed", "order.1")
        assert event["payload"] == {"kind": "failed", "order": 1}
        engine.until(lambda: engine.get("/api/status")["firings"]["fired"] == 2)
    finally:
        assert engine.stop() == 0


async def test_without_a_mapping_a_record_is_a_native_event_a_list_or_a_cloud_event(
    topic: Topic, tmp_path: Path
) -> None:
    native = {"event": "shop.failed", "id": "n", "resource": {"id": "order.1"}}
    cloud = {"specversion": "1.0", "id": "c", "source": "/shop", "type": "shop.failed", "data": {}}
    await topic.write(native, [{**native, "id": None}, {**native, "id": None}], partition=0)
    structured = [("content-type", b"application/cloudevents+json")]
    await topic.write(cloud, partition=0, headers=structured)
    engine = Engine(project(tmp_path, topic, ""))
    try:
        taken(engine, 4)
        items = engine.get("/api/events?limit=200")["items"]
        assert {item["id"] for item in items} == {"n", f"{topic.name}-0-1", f"{topic.name}-0-1-1", "c"}
    finally:
        assert engine.stop() == 0


async def test_what_is_refused_is_told_with_its_place_and_its_neighbours_are_taken(
    topic: Topic, tmp_path: Path
) -> None:
    await topic.write(b"\xff", b"", {"kind": "failed"}, *orders(1), partition=0)
    engine = Engine(project(tmp_path, topic))
    try:
        taken(engine, 1)
        refused = {line["record"]: line["code"] for line in logged(engine, "source_event_refused")}
        assert refused.keys() == {f"{topic.name}-0@{offset}" for offset in (0, 1, 2)}
        assert [event["id"] for event in events(engine)] == [f"{topic.name}-0-3"]
    finally:
        assert engine.stop() == 0


async def test_through_kills_every_record_is_taken_once(topic: Topic, tmp_path: Path) -> None:
    engine = Engine(project(tmp_path, topic))
    try:
        for round_ in range(5):
            await topic.write(*orders(*range(round_ * 400, round_ * 400 + 400)))
            await asyncio.to_thread(taken, engine, round_ * 400 + 50)
            os.kill(engine.process.pid, signal.SIGKILL)
            engine.process.wait(10)
            engine.start()
        taken(engine, 2_000)
        status = engine.get("/api/status")
        assert (status["events"]["accepted"], status["duplicates"]) == (2_000, 0)
        assert status["firings"]["fired"] == 2_000
    finally:
        assert engine.stop() == 0


async def test_latest_begins_with_what_comes_and_goes_on_from_there_after_a_downtime(
    topic: Topic, tmp_path: Path
) -> None:
    await topic.write(*orders(1, 2, 3))
    engine = Engine(project(tmp_path, topic, start="latest"))
    try:
        engine.until(lambda: logged(engine, "source_caught_up"))
        assert engine.stop() == 0
        await topic.write(*orders(4))
        engine.start()
        taken(engine, 1)
        assert [event["payload"]["order"] for event in events(engine)] == [4]
    finally:
        assert engine.stop() == 0


async def test_a_group_is_told_how_far_it_is(topic: Topic, tmp_path: Path) -> None:
    group = f"g-{topic.name}"
    await topic.write(*orders(1, 2, 3), partition=1)
    engine = Engine(project(tmp_path, topic, f"    group: {group}\n{MAPPING}"))
    try:
        taken(engine, 3)

        async def told() -> bool:
            async with topic.admin() as admin:
                offsets = await admin.list_consumer_group_offsets(group)
            return {partition: found.offset for partition, found in offsets.items()} == {
                TopicPartition(topic.name, 1): 3
            }

        assert await until(told)
    finally:
        assert engine.stop() == 0


async def test_partitions_that_come_later_are_read_from_their_start(
    topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(project(tmp_path, topic, start="latest"))
    try:
        engine.until(lambda: logged(engine, "source_caught_up"))
        assert engine.stop() == 0
        async with topic.admin() as admin:
            await admin.create_partitions({topic.name: NewPartitions(3)})
        await topic.write(*orders(1), partition=2)
        engine.start()
        taken(engine, 1)
    finally:
        assert engine.stop() == 0


async def test_records_that_are_gone_are_told_and_the_rest_is_read(topic: Topic, tmp_path: Path) -> None:
    await topic.write(*orders(1), partition=0)
    engine = Engine(project(tmp_path, topic))
    try:
        taken(engine, 1)
        assert engine.stop() == 0
        await topic.write(*orders(2, 3), partition=0)
        async with topic.admin() as admin:
            await admin.delete_records({TopicPartition(topic.name, 0): RecordsToDelete(before_offset=2)})
        engine.start()
        taken(engine, 2)
        (lost,) = logged(engine, "source_events_lost")
        assert (lost["partition"], lost["position"], lost["first"]) == (0, 1, 2)
        assert sorted(event["payload"]["order"] for event in events(engine)) == [1, 3]
    finally:
        assert engine.stop() == 0


async def test_a_topic_that_is_missing_and_a_kafka_that_is_away_are_waited_for(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    broker = Broker(tmp_path_factory.mktemp("source-kafka"))
    topic = Topic(broker.bootstrap)
    engine = Engine(project(tmp_path, topic))
    try:
        engine.until(lambda: logged(engine, "source_unreachable"))
        broker.start()
        await until(lambda: coordinating(broker.bootstrap))
        await topic.make()
        await topic.write(*orders(1))
        await asyncio.to_thread(taken, engine, 1)
        broker.kill()
        broker.start()
        await until(lambda: coordinating(broker.bootstrap))
        await topic.write(*orders(2))
        await asyncio.to_thread(engine.until, lambda: len(events(engine)) == 2, 60)
    finally:
        assert engine.stop() == 0
        broker.stop()


def test_a_source_without_an_address_of_kafka_is_told_before_anything_runs(tmp_path: Path) -> None:
    folder = project(tmp_path, Topic("127.0.0.1:1"))
    (folder / "automations.toml").write_text("")
    for command in ("check", "serve"):
        done = run(folder, command)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert "sources.yaml [missing-setting] the source 'shop' needs the address of Kafka; set [kafka]" in said

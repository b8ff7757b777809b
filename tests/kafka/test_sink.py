"""The Kafka sink: proven by the contract of all sinks, on a broker of its own that can be made to fail."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import jsonschema_rs
import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from contract.suite import SinkContract
from kafka.audit import until
from kafka.broker import Broker
from kafka.conftest import coordinating
from running import Engine

from automations.cli.schemas import SCHEMAS
from automations.deploy import ReloadableJobs
from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.model.job import JobFile
from automations.ports import Dead, Done, Retry
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import Read
from automations.settings import load_settings
from automations.sinks.kafka import KafkaSink, KafkaSinkSettings
from automations.wiring.clock import SystemClock
from automations.wiring.kafka import record_writer
from automations.wiring.sinks import bindings_of, routes_of

REQUEST = ActionRequest(
    id="a" * 32,
    firing="f" * 32,
    automation="repair-orders",
    type="run-deployment",
    list="actions",
    index=0,
    body={
        "source": "selected",
        "deployment": "repair/nightly",
        "schedule_after": 300_000_000,
        "parameters": {"n": 1},
        "job_variables": {"env.CUSTOMER": "acme"},
        "tags": ["x"],
    },
    templates={"/job_variables/env.CUSTOMER": "{{ labels.customer }}"},
    cause="api/1",
)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("sink-kafka"))
    running.start()
    asyncio.run(until(lambda: coordinating(running.bootstrap)))
    yield running
    running.stop()


class KafkaHarness:
    faults = frozenset({"reset", "silence", "reject"})
    good = REQUEST
    bad = replace(REQUEST, body={**REQUEST.body, "parameters": {"n": "x" * 5_000}})

    def __init__(self, broker: Broker) -> None:
        self.broker, self.fault = broker, ""
        self.cluster = Cluster(broker.bootstrap)
        self.topic = f"actions-{uuid4().hex[:12]}"
        settings = KafkaSinkSettings.model_validate({"topic": self.topic, "max_bytes": 4096, "timeout": "3s"})
        writing = load_settings({"kafka": {"bootstrap": broker.bootstrap}})
        self.sink = KafkaSink(settings, *record_writer(writing, 3.0))

    async def make_topic(self) -> None:
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(self.topic, 1, 1)])

    async def limit(self, size: int) -> None:
        """Have the topic refuse what is larger."""
        config = ConfigResource(ConfigResourceType.TOPIC, self.topic, {"max.message.bytes": str(size)})
        async with self.admin() as admin:
            await admin.alter_configs([config])

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        await admin.start()
        yield admin
        await admin.close()

    def fail(self, fault: str) -> None:
        self.fault = fault
        process = self.broker.process
        assert process is not None
        if fault == "silence":
            os.kill(process.pid, signal.SIGSTOP)
        if fault == "reset":
            self.broker.kill()
        if fault == "reject":
            with ThreadPoolExecutor() as pool:
                pool.submit(asyncio.run, self.limit(100)).result()

    def mend(self) -> None:
        process = self.broker.process
        assert process is not None
        if self.fault == "silence":
            os.kill(process.pid, signal.SIGCONT)
        if self.fault == "reset":
            self.broker.start()
        self.fault = ""

    async def records(self) -> list[Read]:
        partition = TopicPartition(self.topic, 0)
        return [record async for records in self.cluster.read_all(partition) for record in records]

    async def effects(self) -> list[str]:
        return [dict(record.headers)["idempotency-key"].decode() for record in await self.records()]


@pytest.fixture
async def kafka_harness(own_broker: Broker) -> AsyncIterator[KafkaHarness]:
    made = KafkaHarness(own_broker)
    await made.make_topic()
    yield made
    made.mend()
    await made.sink.close()


class TestKafkaSink(SinkContract):
    @pytest.fixture
    def harness(self, kafka_harness: KafkaHarness) -> KafkaHarness:
        return kafka_harness


async def test_a_record_says_what_is_asked_for_and_by_whom(kafka_harness: KafkaHarness) -> None:
    prepared = await kafka_harness.sink.prepare(REQUEST)
    outcome = await kafka_harness.sink.deliver(prepared)
    (record,) = await kafka_harness.records()
    assert outcome == Done(f"{kafka_harness.topic}-0@{record.offset}")
    assert (record.key, dict(record.headers)) == (
        REQUEST.firing.encode(),
        {
            "content-type": b"application/json",
            "idempotency-key": REQUEST.id.encode(),
            "action-type": b"run-deployment",
        },
    )
    value = orjson.loads(record.value or b"")
    assert value == {
        "version": 1,
        "id": REQUEST.id,
        "firing": REQUEST.firing,
        "automation": "repair-orders",
        "list": "actions",
        "index": 0,
        "cause": "api/1",
        "hops": 0,
        "action": {**REQUEST.body, "type": "run-deployment", "schedule_after": "5m"},
        "templates": REQUEST.templates,
    }
    jsonschema_rs.validator_for(SCHEMAS["actions"]()).validate(value)


async def test_what_was_not_acknowledged_in_time_is_waited_for_and_not_written_twice(
    kafka_harness: KafkaHarness,
) -> None:
    prepared = await kafka_harness.sink.prepare(REQUEST)
    assert isinstance(await kafka_harness.sink.deliver(prepared), Done)
    kafka_harness.fail("silence")
    assert isinstance(await kafka_harness.sink.deliver(prepared), Retry)
    kafka_harness.mend()
    assert isinstance(await until(lambda: done(kafka_harness, prepared)), Done)
    assert len(await kafka_harness.records()) == 2


async def done(harness: KafkaHarness, prepared: dict[str, object]) -> Done | None:
    outcome = await harness.sink.deliver(prepared)
    return outcome if isinstance(outcome, Done) else None


async def test_after_a_record_that_was_refused_the_next_is_written(kafka_harness: KafkaHarness) -> None:
    prepared = await kafka_harness.sink.prepare(REQUEST)
    assert isinstance(await kafka_harness.sink.deliver(prepared), Done)
    await kafka_harness.limit(100)
    refused = await kafka_harness.sink.deliver(prepared)
    assert isinstance(refused, Dead)
    assert refused.code == "too-large"
    await kafka_harness.limit(1_000_000)
    assert isinstance(await until(lambda: done(kafka_harness, prepared)), Done)
    assert len(await kafka_harness.records()) == 2


async def test_a_topic_that_is_missing_is_tried_again(own_broker: Broker) -> None:
    harness = KafkaHarness(own_broker)
    prepared = await harness.sink.prepare(REQUEST)
    assert isinstance(await harness.sink.deliver(prepared), Retry)
    await harness.make_topic()
    assert isinstance(await until(lambda: done(harness, prepared)), Done)
    await harness.sink.close()


async def test_a_record_larger_than_the_bound_is_refused_with_its_size(kafka_harness: KafkaHarness) -> None:
    with pytest.raises(PrepareError, match=r"\[too-large\] the record has \d+ bytes, more than 4096"):
        await kafka_harness.sink.prepare(kafka_harness.bad)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "topic: Field required"),
        ('topic = "a b"', "topic: String should match pattern"),
        (
            'topic = "a"\nactions = ["run-deploymnt"]',
            "actions: there is no action run-deploymnt; there are ",
        ),
        ('topic = "a"\nactions = []', "actions: Tuple should have at least 1 item"),
        ('topic = "a"\ncolour = 1', "colour: Extra inputs are not permitted"),
    ],
)
def test_a_sink_that_is_declared_wrong_is_told_by_its_key(tmp_path: Path, table: str, said: str) -> None:
    kafka = '[kafka]\nbootstrap = "127.0.0.1:1"\n'
    (tmp_path / "automations.toml").write_text(f'{kafka}[sinks.out]\ntype = "kafka"\n{table}\n')
    with pytest.raises(SettingsError, match=said) as caught:
        bindings(tmp_path)
    assert "[sinks.out]" in str(caught.value)


def test_a_sink_without_a_cluster_asks_which(tmp_path: Path) -> None:
    (tmp_path / "automations.toml").write_text('[sinks.out]\ntype = "kafka"\ntopic = "a"\n')
    with pytest.raises(SettingsError, match="which Kafka"):
        bindings(tmp_path)


@pytest.mark.parametrize(
    ("table", "taken"),
    [("", {"run-deployment"}), ('actions = ["call-webhook", "emit-event"]', {"call-webhook", "emit-event"})],
)
def test_the_actions_that_are_named_go_to_kafka_and_the_others_do_not(
    tmp_path: Path, table: str, taken: set[str]
) -> None:
    kafka = '[kafka]\nbootstrap = "127.0.0.1:1"\n'
    (tmp_path / "automations.toml").write_text(f'{kafka}[sinks.out]\ntype = "kafka"\ntopic = "a"\n{table}\n')
    assert {action for action, sink in bindings(tmp_path).items() if sink == "out"} == taken


def bindings(project: Path) -> dict[str, str]:
    settings = load_settings({"directory": project})
    return routes_of(settings, bindings_of(settings, ReloadableJobs(JobFile()), SystemClock()))


RULE = """
- name: repair
  trigger: {expect: order.failed}
  actions: [{type: run-deployment, deployment: other/there, parameters: {order: "{{ event.resource.id }}"}}]
"""


async def test_an_engine_hands_a_deployment_that_only_others_know_to_kafka(
    kafka_harness: KafkaHarness, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "repair.yaml").write_text(RULE)
    (tmp_path / "automations.toml").write_text(
        f'[kafka]\nbootstrap = "{kafka_harness.broker.bootstrap}"\n'
        f'[sinks.out]\ntype = "kafka"\ntopic = "{kafka_harness.topic}"\n'
    )
    engine = Engine(tmp_path)
    try:
        engine.send({"event": "order.failed", "resource": {"id": "order.17"}})
        (record,) = await until(kafka_harness.records)
    finally:
        assert engine.stop() == 0
    action = orjson.loads(record.value or b"")["action"]
    assert (action["deployment"], action["parameters"]) == ("other/there", {"order": "order.17"})
    assert not [line for line in engine.log if line.get("level") in ("warning", "error")]

"""Topics of somebody else's as sources of the workers: each record's events once, in the group's order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from kafka.audit import Audit, repeated, until
from kafka.commands import installed, run, worker

from automations.model.event import Event
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import EventRecord
from automations.runtime.kafka.topics import Topology

RULES = """
- name: sold
  trigger: {expect: "shop.*", threshold: 3, within: 1h, for_each: id}
  actions: [{type: do-nothing}]
- name: burst
  trigger: {expect: shop.rush, for_each: id}
  debounce: {quiet: 2s}
  actions: [{type: do-nothing}]
"""
Header = tuple[str, bytes]
Sent = tuple[bytes | None, bytes, Sequence[Header]]


@pytest.fixture
async def theirs(kafka: str) -> AsyncIterator[str]:
    """A topic of somebody else's, with two partitions."""
    name = f"theirs-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.close()


@pytest.fixture
def project(tmp_path: Path, kafka: str, topology: Topology, theirs: str) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(RULES)
    (tmp_path / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n')
    declare(tmp_path, theirs)
    installed(tmp_path, kafka)
    return tmp_path


def declare(project: Path, topic: str, start: str = "earliest") -> None:
    (project / "sources.yaml").write_text(f"""
sources:
  - name: shop
    type: kafka
    topic: {topic}
    start: {start}
    mapping:
      event: "shop.{{{{ body.kind }}}}"
      resource: {{id: "order.{{{{ body.order }}}}"}}
      skip: "{{{{ body.kind == 'noise' }}}}"
  - {{name: plain, type: kafka, topic: {topic}-2, start: earliest}}
  - {{name: the-gateways, type: webhook, auth: {{type: bearer, secret: {{env: NOT_SET_HERE}}}}}}
""")


async def send(kafka: str, topic: str, *records: Sent, partition: int | None = None) -> None:
    async with Cluster(kafka).producer() as producer:
        for key, value, headers in records:
            await producer.send_and_wait(topic, value, key, partition=partition, headers=list(headers))


def sale(order: int, kind: str = "sale") -> Sent:
    return None, json.dumps({"kind": kind, "order": order}).encode(), ()


async def events(audit: Audit) -> list[Event]:
    return [EventRecord.read(record).event for record in await audit.records(audit.topology.events)]


async def several(audit: Audit, number: int) -> list[Event]:
    """All events, once there are so many."""

    async def found() -> list[Event]:
        there = await events(audit)
        return there if len(there) >= number else []

    return list(await until(found, 60))


async def make(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def test_records_of_several_topics_become_events_under_the_key_of_their_resource(
    kafka: str, topology: Topology, theirs: str, project: Path
) -> None:
    await make(kafka, f"{theirs}-2")
    audit = Audit(kafka, topology)
    await send(kafka, theirs, *(sale(n % 4) for n in range(12)), sale(1, "noise"), (b"k", b"{", ()))
    native = {"event": "plain.native", "id": "n-1", "resource": {"id": "native"}}
    headers = {"ce_specversion": "1.0", "ce_type": "plain.cloud", "ce_source": "/them", "ce_id": "c-1"}
    cloud: Sequence[Header] = [(name, value.encode()) for name, value in headers.items()]
    subject: Header = ("ce_subject", b"cloud")
    await send(
        kafka,
        f"{theirs}-2",
        (None, json.dumps([native, {**native, "id": "n-2"}]).encode(), ()),
        (None, b'{"n": 1}', [*cloud, subject, ("content-type", b"application/json")]),
    )
    with worker(project, kafka):
        found = await several(audit, 15)
        letters = await until(audit.dead_letters)

        async def all_fired() -> bool:
            return len(await audit.firings()) >= 4

        await until(all_fired)
    assert (
        sorted(event.name for event in found)
        == ["plain.cloud", "plain.native", "plain.native"] + ["shop.sale"] * 12
    )
    assert {event.source for event in found if event.name == "shop.sale"} == {"shop"}
    assert repeated([event.ref for event in found]) == []
    assert {event.resource["prefect.resource.id"] for event in found} == {
        "native",
        "cloud",
        *(f"order.{n}" for n in range(4)),
    }
    sold = [body for body in await audit.firings() if body["automation"] == "sold"]
    assert sorted(body["labels"]["id"] for body in sold) == [f"order.{n}" for n in range(4)]
    (letter,) = letters
    assert (letter.stage, letter.code) == ("ingest", "bad-json")
    assert letter.origin is not None
    assert letter.origin.topic == theirs
    refused = run(project, "dead-letters", "redrive", "--all", "--kafka", kafka)
    assert (refused.returncode, "a topic of others" in refused.stderr) == (1, True)


async def test_what_was_there_before_is_left_out_where_that_is_wanted_and_nothing_after_it(
    kafka: str, topology: Topology, theirs: str, project: Path
) -> None:
    await make(kafka, f"{theirs}-2")
    declare(project, theirs, "latest")
    audit = Audit(kafka, topology)
    await send(kafka, theirs, sale(1), partition=0)
    await send(kafka, theirs, sale(1), partition=1)
    with worker(project, kafka) as process:
        await until(lambda: begun(kafka, topology, theirs), 60)
        await send(kafka, theirs, sale(2), partition=0)
        await several(audit, 1)
        process.kill()
    await send(kafka, theirs, sale(3), partition=1)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_partitions({theirs: NewPartitions(3)})
    await admin.close()
    await until(lambda: written(kafka, theirs), 30)
    with worker(project, kafka):
        found = await several(audit, 3)
    assert sorted(event.resource["prefect.resource.id"] for event in found) == ["order.2", "order.3", "order.4"]


async def begun(kafka: str, topology: Topology, topic: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        return len(await admin.list_consumer_group_offsets(topology.name("ingest-shop"))) == 2
    finally:
        await admin.close()


async def written(kafka: str, topic: str) -> bool:
    """To a partition that was added a moment ago."""
    await send(kafka, topic, sale(4), partition=2)
    return True


async def test_no_record_is_lost_or_doubled_by_kills(
    kafka: str, topology: Topology, theirs: str, project: Path
) -> None:
    await make(kafka, f"{theirs}-2")
    audit = Audit(kafka, topology)
    sending = asyncio.create_task(send(kafka, theirs, *(sale(n) for n in range(3_000))))
    for number in (200, 900, 1_800):
        with worker(project, kafka):
            await several(audit, number)
    await sending
    with worker(project, kafka):
        found = await several(audit, 3_000)
    assert repeated([event.ref for event in found]) == []
    assert len({event.resource["prefect.resource.id"] for event in found}) == 3_000


async def test_time_waits_for_what_is_yet_to_be_read(
    kafka: str, topology: Topology, theirs: str, project: Path
) -> None:
    """A rush that lasted some seconds, a minute ago, with a lot else in between."""
    await make(kafka, f"{theirs}-2")
    audit = Audit(kafka, topology)
    begun = time.time_ns() // 1_000_000 - 60_000
    async with Cluster(kafka).producer() as producer:
        for number in range(5):
            at = begun + number * 1_000
            rush = json.dumps({"kind": "rush", "order": 7}).encode()
            await producer.send(theirs, rush, partition=0, timestamp_ms=at)
            for order in range(2_500):
                await producer.send(theirs, sale(10 + order)[1], partition=0, timestamp_ms=at)
        await producer.flush()
    with worker(project, kafka):
        (body,) = await until(lambda: bursts(audit), 60)
    assert (body["count"], body["at"]) == (5, (begun + 6_000) * 1_000)


async def bursts(audit: Audit) -> list[dict[str, object]]:
    return [body for body in await audit.firings() if body["automation"] == "burst"]


async def test_a_worker_whose_input_is_missing_says_so(kafka: str, project: Path, theirs: str) -> None:
    with worker(project, kafka) as process:
        assert process.wait(30) == 1
    log = (project / "worker.log").read_text()
    assert f"the source 'plain' reads the topic '{theirs}-2'" in log

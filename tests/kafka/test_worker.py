"""The worker as a process: how it starts, keeps time, and ends."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from kafka.audit import Audit, until
from kafka.broker import Broker
from kafka.conftest import coordinating
from kafka.workers import Worker, workers

from automations.model.event import Event
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import EventRecord, Tick, kind_of
from automations.runtime.kafka.rules import publish
from automations.runtime.kafka.topics import Topology, create

BURST = """
- name: burst
  trigger: {expect: reading, for_each: id}
  debounce: {quiet: 1s}
  actions: [{type: do-nothing}]
- name: clockwork
  trigger: {posture: Proactive, expect: never, within: 10s}
  actions: [{type: do-nothing}]
"""


async def installed(bootstrap: str, topology: Topology, folder: Path) -> Cluster:
    (folder / "rules").mkdir()
    (folder / "rules" / "burst.yaml").write_text(BURST)
    await create(bootstrap, topology)
    await publish(Cluster(bootstrap), topology, folder / "rules")
    return Cluster(bootstrap)


async def send(cluster: Cluster, topology: Topology, *events: Event) -> None:
    async with cluster.producer() as producer:
        for event in events:
            record = EventRecord(event).to(topology.events)
            await producer.send_and_wait(record.topic, record.value, record.key, headers=list(record.headers))


def reading(number: int, now: int) -> Event:
    return Event("t", str(number), "reading", now, now, {"prefect.resource.id": f"sensor.{number % 3}"})


def now() -> int:
    return time.time_ns() // 1_000


async def named(audit: Audit, automation: str) -> list[dict[str, Any]]:
    return [body for body in await audit.firings() if body["automation"] == automation]


async def test_time_passes_where_nothing_arrives(kafka: str, topology: Topology, tmp_path: Path) -> None:
    cluster, audit = await installed(kafka, topology, tmp_path), Audit(kafka, topology)
    begun = now()
    with workers(kafka, topology, tmp_path) as started:
        worker = started.start()
        await send(cluster, topology, *(reading(number, begun) for number in range(9)))

        async def all_quiet() -> bool:
            return len(await named(audit, "burst")) == 3

        await until(all_quiet)
        assert {body["at"] for body in await named(audit, "burst")} == {begun + 1_000_000}
        await until(lambda: named(audit, "clockwork"))
        assert worker.stop() == 0
    (first, *_) = await named(audit, "clockwork")
    assert first["at"] % 10_000_000 == 0
    assert first["at"] > begun


async def test_no_tick_overtakes_events_that_wait_to_be_matched(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    cluster, audit = await installed(kafka, topology, tmp_path), Audit(kafka, topology)
    begun = now()
    with workers(kafka, topology, tmp_path) as started:
        match = started.start("match")
        await send(cluster, topology, reading(1, begun))
        await audit.drained("match")
        assert match.stop() == 0
        await send(cluster, topology, reading(4, begun + 900_000), reading(7, begun + 1_800_000))
        evaluate = started.start("evaluate")
        await audit.drained("evaluate")
        await until(lambda: past(begun + 5_000_000))
        assert await audit.firings() == []
        ticks = [r for r in await audit.records(topology.matches) if kind_of(r) == Tick.KIND]
        assert all(Tick.read(record).at < begun for record in ticks)
        started.start("match")
        await until(lambda: named(audit, "burst"))
        assert evaluate.stop() == 0
    (fired,) = await named(audit, "burst")
    assert (fired["at"], len(fired["events"])) == (begun + 2_800_000, 3)


async def past(moment: int) -> bool:
    return now() > moment


async def test_a_worker_that_finds_no_topics_says_which_command_makes_them(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    worker = Worker(kafka, topology, tmp_path / "worker.log")
    assert worker.process.wait(20) == 1
    assert f"{topology.rules}: is missing; automations topics create --kafka {kafka}" in worker.log.read_text()


async def test_a_worker_that_does_not_reach_kafka_says_so(topology: Topology, tmp_path: Path) -> None:
    worker = Worker("127.0.0.1:1", topology, tmp_path / "worker.log")
    assert worker.process.wait(20) == 3
    assert "Kafka at 127.0.0.1:1" in worker.log.read_text()


async def test_a_worker_ends_within_ten_seconds_though_kafka_is_gone(topology: Topology, tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    await until(lambda: coordinating(broker.bootstrap))
    cluster = await installed(broker.bootstrap, topology, tmp_path)
    audit = Audit(broker.bootstrap, topology)
    with workers(broker.bootstrap, topology, tmp_path) as started:
        worker = started.start()
        await send(cluster, topology, *(reading(number, now()) for number in range(9)))
        await audit.drained()
        broker.kill()
        begun = time.monotonic()
        worker.stop()
        assert time.monotonic() - begun < 10


async def test_partitions_are_shared_and_taken_over(kafka: str, topology: Topology, tmp_path: Path) -> None:
    topology = replace(topology, partitions=4)
    await installed(kafka, topology, tmp_path)
    with workers(kafka, topology, tmp_path) as started:
        first = started.start("match")
        await until(lambda: holds(first, [0, 1, 2, 3]))
        second = started.start("match")
        await until(lambda: parted(first, second))
        first.kill()
        await until(lambda: holds(second, [0, 1, 2, 3]))


async def holds(worker: Worker, partitions: list[int]) -> bool:
    return worker.assigned("events") == partitions


async def parted(*both: Worker) -> bool:
    parts = [worker.assigned("events") for worker in both]
    return sorted(number for part in parts for number in part) == [0, 1, 2, 3] and all(len(p) == 2 for p in parts)

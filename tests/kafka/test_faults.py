"""Crashes, zombies, rebalances: 0 lost, 0 twice, exact state."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from kafka.audit import Audit, until
from kafka.broker import Broker
from kafka.orders import assert_exact, orders, rules_in, send_all
from kafka.worker_main import POINTS
from kafka.workers import Worker, Workers, workers

from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.rules import publish
from automations.runtime.kafka.topics import Topology, create

EVENTS = 2_000


async def installed(kafka: str, topology: Topology, folder: Path) -> tuple[Cluster, Path]:
    cluster, rules = Cluster(kafka), rules_in(folder / "rules")
    await create(kafka, topology)
    await publish(cluster, topology, rules)
    return cluster, rules


@pytest.mark.parametrize("stage", ["match", "evaluate"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_any_step_of_a_transaction_loses_and_doubles_nothing(
    kafka: str, topology: Topology, tmp_path: Path, stage: str, point: str
) -> None:
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(EVENTS)
    await send_all(cluster, topology, events)
    with workers(kafka, topology, tmp_path) as started:
        started.start("evaluate" if stage == "match" else "match")
        crashed = started.start(stage, point, "3")
        assert crashed.process.wait(30) == -9
        started.start(stage)
        await audit.drained()
        await assert_exact(audit, events, rules)


async def test_workers_that_are_killed_again_and_again_lose_and_double_nothing(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(5 * EVENTS)
    with workers(kafka, topology, tmp_path) as started:
        started.start()
        started.start()
        for round_, begin in enumerate(range(0, len(events), EVENTS)):
            before = await audit.lag("evaluate")
            await send_all(cluster, topology, events[begin : begin + EVENTS])
            started.running[round_ % 2].kill()
            started.revive()
            await until(lambda before=before: progressed(audit, before))  # type: ignore[misc]
        await audit.drained()
        await assert_exact(audit, events, rules)


async def progressed(audit: Audit, before: int) -> bool:
    return await audit.lag("match") < EVENTS or await audit.lag("evaluate") != before


async def test_a_zombie_is_fenced_and_ends_with_a_clear_line(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(10 * EVENTS)
    await send_all(cluster, topology, events)
    with workers(kafka, topology, tmp_path) as started:
        zombie = started.start()
        await until(lambda: begun(audit, len(events)))
        zombie.suspend()
        assert await audit.lag("match") > 0
        started.start()
        await audit.drained()
        zombie.resume()
        assert zombie.process.wait(30) == 1
        assert '"code": "partition-lost"' in zombie.log.read_text()
        await assert_exact(audit, events, rules)


async def test_a_worker_that_slept_and_missed_nothing_goes_on(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(2 * EVENTS)
    with workers(kafka, topology, tmp_path) as started:
        only = started.start()
        await send_all(cluster, topology, events[:EVENTS])
        await audit.drained()
        only.suspend()
        await until(lambda: nobody(audit, "match"))
        only.resume()
        await send_all(cluster, topology, events[EVENTS:])
        await audit.drained()
        assert only.stop() == 0
        await assert_exact(audit, events, rules)


async def test_workers_that_come_and_go_lose_and_double_nothing(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    topology = replace(topology, partitions=4)
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(6 * EVENTS)
    with workers(kafka, topology, tmp_path) as started:
        first = started.start()
        await until(lambda: assigned(first))
        for begin in range(0, len(events), EVENTS):
            sending = asyncio.create_task(send_all(cluster, topology, events[begin : begin + EVENTS]))
            coming = started.start()
            await until(lambda coming=coming: assigned(coming))  # type: ignore[misc]
            going = started.running.pop(0)
            assert going.stop() == 0, going.log.read_text()[-3000:]
            await sending
        await audit.drained()
        await assert_exact(audit, events, rules)


async def test_a_broker_that_is_killed_and_comes_back_costs_nothing(tmp_path: Path, topology: Topology) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    try:
        cluster, rules = await installed(broker.bootstrap, topology, tmp_path)
        audit, events = Audit(broker.bootstrap, topology), orders(5 * EVENTS)
        await send_all(cluster, topology, events)
        with workers(broker.bootstrap, topology, tmp_path) as started:
            started.start()
            await until(lambda: begun(audit, len(events)))
            broker.kill()
            broker.start()
            await until(lambda: revived(started, audit), 90)
            await assert_exact(audit, events, rules)
    finally:
        broker.stop()


async def test_a_graceful_restart_with_a_backlog_ends_with_everything_committed(
    kafka: str, topology: Topology, tmp_path: Path
) -> None:
    cluster, rules = await installed(kafka, topology, tmp_path)
    audit, events = Audit(kafka, topology), orders(5 * EVENTS)
    await send_all(cluster, topology, events)
    with workers(kafka, topology, tmp_path) as started:
        first = started.start()
        await until(lambda: begun(audit, len(events)))
        assert first.stop() == 0
        assert await audit.lag("evaluate") > 0 or await audit.lag("match") > 0
        started.revive()
        await audit.drained()
        await assert_exact(audit, events, rules)


async def begun(audit: Audit, all_of_them: int) -> bool:
    return await audit.lag("match") < all_of_them


async def nobody(audit: Audit, stage: str) -> bool:
    """The group has noticed that its only member is silent."""
    return await audit.members(stage) == 0


async def assigned(worker: Worker) -> bool:
    """It has its part of both stages."""
    return all(worker.assigned(topic) for topic in ("events", "matches"))


async def revived(started: Workers, audit: Audit) -> bool:
    """What the broker's end ended is started again; then all is done."""
    started.revive()
    return await audit.lag("match") == 0 and await audit.lag("evaluate") == 0

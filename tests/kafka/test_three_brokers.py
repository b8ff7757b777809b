"""Three brokers: one after another goes down and comes back, and the work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from kafka.audit import Audit, until
from kafka.broker import Broker
from kafka.orders import assert_exact, orders, rules_in, send_all
from kafka.workers import workers

from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.rules import publish
from automations.runtime.kafka.topics import Topology, check, create

EVENTS = 500


class Node(Broker):
    """One of three that keep three copies of everything."""

    def __init__(self, home: Path, number: int, cluster: str) -> None:
        self.number, self.cluster = number, cluster
        self.voters = ""
        super().__init__(home)

    @property
    def voter(self) -> str:
        return f"{self.number}@127.0.0.1:{self._controller}"

    def join(self, voters: str) -> None:
        """Once the controllers of all are known."""
        self.voters = voters
        self._configuration.write_text(self._properties())
        super()._format()

    def _format(self) -> None:
        """Not before it has joined."""

    def _cluster_id(self) -> str:
        return self.cluster

    def _properties(self) -> str:
        copies = {
            "node.id": str(self.number),
            "controller.quorum.voters": self.voters,
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "transaction.state.log.min.isr": "2",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }
        return super()._properties() + "".join(f"{name}={value}\n" for name, value in copies.items())


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Sequence[Node]]:
    identity = "dGhyZWUtYnJva2Vycy0wMQ"
    made = [Node(tmp_path / f"broker-{number}", number, identity) for number in (1, 2, 3)]
    for node in made:
        node.join(",".join(each.voter for each in made))
        node.launch()
    for node in made:
        node.wait()
    yield made
    for node in made:
        node.kill()


async def whole(bootstrap: str, topology: Topology) -> bool:
    """Every partition has all its copies."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [*(topic.name for topic in topology.topics()), "__consumer_offsets", "__transaction_state"]
        described = await admin.describe_topics(names)
        partitions = [partition for topic in described for partition in topic["partitions"]]
        return bool(partitions) and all(len(partition["isr"]) == 3 for partition in partitions)
    finally:
        await admin.close()


async def test_work_goes_on_while_one_broker_after_another_goes_down_and_comes_back(
    nodes: Sequence[Node], topology: Topology, tmp_path: Path
) -> None:
    bootstrap = ",".join(node.bootstrap for node in nodes)
    cluster, rules = Cluster(bootstrap), rules_in(tmp_path / "rules")
    await until(lambda: made(bootstrap, topology), 60)
    await check(bootstrap, topology)
    await publish(cluster, topology, rules)
    audit, events = Audit(bootstrap, topology), orders(4 * EVENTS)
    with workers(bootstrap, topology, tmp_path) as started:
        started.start()
        started.start()
        await send_all(cluster, topology, events[:EVENTS])
        await audit.drained()
        for number, node in enumerate(nodes, 1):
            await until(lambda: whole(bootstrap, topology), 60)
            node.kill()
            await send_all(cluster, topology, events[number * EVENTS : (number + 1) * EVENTS])
            await audit.drained(seconds=90)
            assert all(worker.alive for worker in started.running)
            await asyncio.to_thread(node.start)
        await assert_exact(audit, events, rules)


async def made(bootstrap: str, topology: Topology) -> bool:
    await create(bootstrap, topology)
    return True

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from kafka.audit import until
from kafka.broker import Broker

from automations.runtime.kafka.topics import Topology


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all tests: each takes topics of its own."""
    running = Broker(tmp_path_factory.mktemp("kafka"))
    running.start()
    asyncio.run(until(lambda: coordinating(running.bootstrap)))
    yield running
    running.stop()


async def coordinating(bootstrap: str) -> bool:
    """A new broker makes its own topics when the first group and the first transaction ask for them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for kind in (0, 1):
            await admin.find_coordinator("warm", kind)
        return True
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def kafka(broker: Broker) -> str:
    """Its bootstrap address."""
    return broker.bootstrap


@pytest.fixture
def topology() -> Topology:
    """Names that no other test has."""
    return new_topology()


def new_topology() -> Topology:
    return Topology(prefix=f"test-{uuid4().hex[:12]}", partitions=2)

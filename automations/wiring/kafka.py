"""The cluster and the topics of the settings. Imported only where Kafka is used: `require_kafka` comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from automations.errors import SettingsError
from automations.runtime.kafka import rules
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import Outgoing
from automations.runtime.kafka.topics import Difference, TopicsError, Topology, check, create
from automations.runtime.kafka.writer import Writer
from automations.settings import Settings
from automations.sinks.kafka import WriteRecord
from automations.wiring.kafka_connection import connection_of

_SMALL_BATCH: Final = 16 << 10
"""Bytes; topics of others may take less than ours."""


def cluster_of(settings: Settings) -> Cluster:
    """The cluster; SettingsError where a secret or a file of it is missing."""
    kafka = settings.kafka
    if kafka.bootstrap is None:
        raise SettingsError(
            "which Kafka?", hint="give --kafka HOST:PORT, set AUTOMATIONS_KAFKA_BOOTSTRAP or [kafka] bootstrap"
        )
    return Cluster(kafka.bootstrap, connection=connection_of(settings))


def topology_of(settings: Settings, partitions: int | None = None) -> Topology:
    """The topics; `partitions` is for those that are to be made."""
    prefix = settings.kafka.prefix
    return Topology(prefix) if partitions is None else Topology(prefix, partitions)


async def create_topics(settings: Settings, *, partitions: int | None, replication: int | None) -> Sequence[str]:
    """Make the topics that are missing; returns their names."""
    cluster, topology = cluster_of(settings), topology_of(settings, partitions)
    return await create(cluster.bootstrap, topology, replication=replication, connection=cluster.connection)


async def differing_topics(settings: Settings) -> Sequence[Difference]:
    """How the topics differ from what they must be."""
    cluster = cluster_of(settings)
    try:
        await check(cluster.bootstrap, topology_of(settings), connection=cluster.connection)
    except TopicsError as error:
        return error.differences
    return ()


async def publish_rules(settings: Settings, folder: Path) -> str:
    """Put the rule files of a folder in force at all workers; returns the revision. RuleFileErrors."""
    return await rules.publish(cluster_of(settings), topology_of(settings), folder)


def record_writer(settings: Settings, patience: float) -> tuple[WriteRecord, Callable[[], Awaitable[None]]]:
    """What the sink writes by, and what ends that. `patience`: seconds that a delivery may take."""
    writer = Writer(cluster_of(settings), batch_bytes=_SMALL_BATCH, patience=patience / 2)

    async def write(topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> str:
        (place,) = await writer.write([Outgoing(topic, key, value, headers)])
        return place

    return write, writer.close

"""The topics: made, and looked at."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from kafka.audit import until

from automations.runtime.kafka.topics import Difference, TopicsError, Topology, check, create
from automations.runtime.kafka.unreachable import KafkaUnreachableError


async def test_what_is_made_is_as_it_must_be_and_is_made_once(kafka: str, topology: Topology) -> None:
    made = await create(kafka, topology)
    assert sorted(made) == sorted(topic.name for topic in topology.topics())
    await check(kafka, topology)
    assert await create(kafka, topology) == []


async def test_topics_that_are_missing_are_named_with_the_command_that_makes_them(
    kafka: str, topology: Topology
) -> None:
    found = await differences(kafka, topology)
    assert [difference.topic for difference in found] == [topic.name for topic in topology.topics()]
    assert {difference.mend for difference in found} == {f"automations topics create --kafka {kafka}"}


async def test_more_partitions_than_the_table_has_are_no_difference(kafka: str, topology: Topology) -> None:
    await create(kafka, topology)
    await check(kafka, Topology(topology.prefix, partitions=1))


async def test_a_changelog_with_fewer_partitions_than_the_matches_is_told_with_the_mend(
    kafka: str, topology: Topology
) -> None:
    await create(kafka, topology)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_partitions({topology.matches: NewPartitions(3)})
    await admin.close()
    (difference,) = await until(lambda: differences(kafka, topology))
    assert difference.topic == topology.state
    assert difference.message == f"has 2 partitions, not 3 as {topology.matches}"
    assert difference.mend.endswith(f"--alter --topic {topology.state} --partitions 3")


@pytest.mark.parametrize(
    ("topic", "change", "message", "mend"),
    [
        (
            "state",
            {"cleanup.policy": "delete"},
            "cleanup.policy is 'delete', not compact",
            "cleanup.policy=compact",
        ),
        ("dispatched", {"cleanup.policy": "compact"}, "not compact,delete", "cleanup.policy=[compact,delete]"),
        (
            "events",
            {"retention.ms": "1000"},
            "retention.ms is '1000', not at least 604800000",
            "retention.ms=604800000",
        ),
        ("matches", {"max.message.bytes": "1000"}, "not at least 4194304", "max.message.bytes=4194304"),
    ],
)
async def test_a_topic_that_is_kept_otherwise_is_told_with_the_mend(
    kafka: str, topology: Topology, topic: str, change: dict[str, str], message: str, mend: str
) -> None:
    await create(kafka, topology)
    await alter(kafka, topology, topic, change)
    (difference,) = await until(lambda: differences(kafka, topology))
    assert difference.topic == topology.name(topic)
    assert message in difference.message
    assert f"--entity-name {topology.name(topic)} --add-config {mend}" in difference.mend


@pytest.mark.parametrize("change", [{"retention.ms": "-1"}, {"retention.ms": "9999999999"}])
async def test_a_topic_that_keeps_more_is_no_difference(
    kafka: str, topology: Topology, change: dict[str, str]
) -> None:
    await create(kafka, topology)
    await alter(kafka, topology, "events", change)
    await check(kafka, topology)


async def test_rules_in_several_partitions_have_no_order(kafka: str, topology: Topology) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    rules = next(topic for topic in topology.topics() if topic.name == topology.rules)
    config = {key: str(value) for key, value in rules.config.items()}
    await admin.create_topics([NewTopic(topology.rules, 2, 1, topic_configs=config)])
    await admin.close()
    await create(kafka, topology)
    assert [d.message for d in await differences(kafka, topology)] == ["has 2 partitions, not 1"]


async def test_a_cluster_that_does_not_answer_is_an_error_with_its_address(topology: Topology) -> None:
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1:1"):
        await check("127.0.0.1:1", topology)


async def differences(kafka: str, topology: Topology) -> Sequence[Difference]:
    """A broker learns of a change a moment after it is made."""
    try:
        await check(kafka, topology)
    except TopicsError as error:
        return error.differences
    return ()


async def alter(kafka: str, topology: Topology, name: str, change: dict[str, str]) -> None:
    """The request replaces all that was set."""
    topic = next(topic for topic in topology.topics() if topic.name == topology.name(name))
    config = {key: str(value) for key, value in topic.config.items()} | change
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, config)])
    await admin.close()

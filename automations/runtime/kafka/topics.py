"""The topics: what each is for, how it is kept, how large its records may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from automations.errors import AutomationsError
from automations.runtime.kafka.connection import Connection
from automations.runtime.kafka.unreachable import KafkaUnreachableError

MAX_RECORD_BYTES: Final = 4 << 20
"""The largest record: a match holds an event (1 MiB at most) with what wants it, a cell's state 512 KiB of events,
each with what the windows of its groups need.
"""
_DAY: Final = 86_400_000
"""Milliseconds."""
_LETTER_HEADERS: Final = 64 << 10
_VISIBLE: Final = 30.0
_LOOK_EVERY: Final = 0.02
"""Seconds."""
_PLAIN: Final = Connection()
Config = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Topic:
    """`config`: what must hold; of a number, at least. `partitions` is what `create` makes; only where it is
    `exact` must it hold later. `follows`: a topic whose partitions these must equal, as a record's key chooses the
    same partition of both.
    """

    name: str
    partitions: int
    config: Config
    exact: bool = False
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """All topics of one installation. `partitions` is how many those have that `create` makes."""

    prefix: str = "automations"
    partitions: int = 8

    def name(self, topic: str) -> str:
        """The full name of a topic."""
        return f"{self.prefix}.{topic}"

    @property
    def events(self) -> str:
        """What happened. Key: resource id."""
        return self.name("events")

    @property
    def matches(self) -> str:
        """Whom it concerns, and the ticks. Key: cell, as `records.cell_bytes` writes it."""
        return self.name("matches")

    @property
    def state(self) -> str:
        """The changelog of the cells. Key: cell."""
        return self.name("state")

    @property
    def actions(self) -> str:
        """Rendered action requests. Key: firing id."""
        return self.name("actions")

    @property
    def dispatched(self) -> str:
        """The ids of actions that are settled. Key: action id."""
        return self.name("dispatched")

    @property
    def results(self) -> str:
        """What became of each action. Key: action id."""
        return self.name("results")

    @property
    def traces(self) -> str:
        """What became of each event, and all firings. Key: event, firing id."""
        return self.name("traces")

    @property
    def dead_letters(self) -> str:
        """What could not be processed, rendered or delivered."""
        return self.name("dead-letters")

    @property
    def rules(self) -> str:
        """The rule files, revisions and pauses; in one partition, so in one order."""
        return self.name("rules")

    @property
    def inputs(self) -> Sequence[str]:
        """What the stages read."""
        return (self.events, self.matches, self.actions)

    def topics(self) -> Sequence[Topic]:
        """The table of them all."""
        log: Config = {"cleanup.policy": "delete", "retention.ms": 7 * _DAY, "max.message.bytes": MAX_RECORD_BYTES}
        kept: Config = {"cleanup.policy": "compact", "max.message.bytes": MAX_RECORD_BYTES}
        seen: Config = {"cleanup.policy": "compact,delete", "retention.ms": 7 * _DAY}
        letters: Config = {
            "cleanup.policy": "delete",
            "retention.ms": 30 * _DAY,
            "max.message.bytes": MAX_RECORD_BYTES + _LETTER_HEADERS,
        }
        many = self.partitions
        return (
            Topic(self.events, many, log),
            Topic(self.matches, many, log),
            Topic(self.state, many, kept, follows=self.matches),
            Topic(self.actions, many, log),
            Topic(self.dispatched, many, seen, follows=self.actions),
            Topic(self.results, many, log),
            Topic(self.traces, many, log),
            Topic(self.dead_letters, many, letters),
            Topic(self.rules, 1, kept, exact=True),
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the cluster is not as the table says, and the command that mends it."""

    topic: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.message}; {self.mend}"


class TopicsError(AutomationsError):
    """The topics are not as they must be. `differences` holds each."""

    code = "topics"

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("\n".join(map(str, differences)))
        self.differences = differences


async def create(
    bootstrap: str,
    topology: Topology,
    *,
    replication: int | None = None,
    connection: Connection = _PLAIN,
) -> Sequence[str]:
    """Make the topics that are missing; returns their names. `replication`: copies of each, by default three or as
    many as there are brokers. What exists is left as it is: `check` tells of it.
    """
    async with _admin(bootstrap, connection) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        existing = set(await admin.list_topics())
        missing = [topic for topic in topology.topics() if topic.name not in existing]
        made = [_new(topic, replication or min(3, brokers)) for topic in missing]
        answer = await admin.create_topics(made) if made else None
        for name, code, *message in answer.topic_errors if answer else ():
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise AutomationsError(f"the topic {name!r} cannot be made: {message[0] or error.__name__}")
        await _led(admin, topology)
    return [topic.name for topic in missing]


async def _led(admin: AIOKafkaAdminClient, topology: Topology) -> None:
    """Return once every partition has a leader: a broker learns of new topics a moment after they are made."""
    names = [topic.name for topic in topology.topics()]
    async with asyncio.timeout(_VISIBLE):
        while True:
            described = await admin.describe_topics(names)
            if all(d["partitions"] and all(p["leader"] >= 0 for p in d["partitions"]) for d in described):
                return
            await asyncio.sleep(_LOOK_EVERY)


def _new(topic: Topic, replication: int) -> NewTopic:
    config = {key: str(value) for key, value in topic.config.items()}
    if replication > 2:
        config["min.insync.replicas"] = "2"
    return NewTopic(topic.name, topic.partitions, replication, topic_configs=config)


async def check(bootstrap: str, topology: Topology, *, connection: Connection = _PLAIN) -> None:
    """TopicsError with everything that is not as the table says."""
    async with _admin(bootstrap, connection) as admin:
        existing = set(await admin.list_topics())
        topics = [topic for topic in topology.topics() if topic.name in existing]
        described = await admin.describe_topics([topic.name for topic in topics]) if topics else []
        partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
        found = [
            *_missing(bootstrap, topology, existing),
            *_partitions(bootstrap, topology, partitions),
        ]
        for topic in topics:
            found += _config(bootstrap, topic, await _configured(admin, topic))
    if found:
        raise TopicsError(found)


async def partitions_of(bootstrap: str, topic: str, *, connection: Connection = _PLAIN) -> int:
    """How many partitions a topic has; KafkaUnreachableError where it is missing, too."""
    async with _admin(bootstrap, connection) as admin:
        (described,) = await admin.describe_topics([topic])
        if described["error_code"]:
            raise for_code(described["error_code"])(topic)
        return len(described["partitions"])


def _missing(bootstrap: str, topology: Topology, existing: set[str]) -> Iterator[Difference]:
    for topic in topology.topics():
        if topic.name not in existing:
            yield Difference(topic.name, "is missing", f"automations topics create --kafka {bootstrap}")


def _partitions(bootstrap: str, topology: Topology, partitions: Mapping[str, int]) -> Iterator[Difference]:
    for topic in topology.topics():
        has = partitions.get(topic.name)
        wanted = partitions.get(topic.follows) if topic.follows else topic.partitions if topic.exact else has
        if has is None or wanted is None or has == wanted:
            continue
        message = f"has {has} partitions, not {wanted}" + (f" as {topic.follows}" if topic.follows else "")
        if has < wanted:
            command = f"kafka-topics.sh --bootstrap-server {bootstrap} --alter --topic {topic.name}"
            yield Difference(topic.name, message, f"{command} --partitions {wanted}")
        else:
            mend = f"delete it (what it holds is lost) and run: automations topics create --kafka {bootstrap}"
            yield Difference(topic.name, message, mend)


def _config(bootstrap: str, topic: Topic, actual: Mapping[str, str]) -> Iterator[Difference]:
    for key, wanted in topic.config.items():
        has = actual.get(key, "")
        if not _meets(has, wanted):
            alter = f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics"
            message = f"{key} is {has!r}, not {'at least ' if isinstance(wanted, int) else ''}{wanted}"
            mend = f"{alter} --entity-name {topic.name} --add-config {key}={_quoted(wanted)}"
            yield Difference(topic.name, message, mend)


def _meets(has: str, wanted: str | int) -> bool:
    if isinstance(wanted, int):
        return has == "-1" or int(has) >= wanted  # -1: without end
    return set(has.split(",")) == set(wanted.split(","))


def _quoted(wanted: str | int) -> str:
    return f"[{wanted}]" if "," in str(wanted) else str(wanted)


async def _configured(admin: AIOKafkaAdminClient, topic: Topic) -> Mapping[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.config))
    answers: list[Any] = await admin.describe_configs([resource])
    return {entry[0]: entry[1] for answer in answers for found in answer.resources for entry in found[4]}


@asynccontextmanager
async def _admin(bootstrap: str, connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """AutomationsError `kafka-unreachable` where no broker answers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **connection.options)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise KafkaUnreachableError(bootstrap, error) from error
    finally:
        await admin.close()

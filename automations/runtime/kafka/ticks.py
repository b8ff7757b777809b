"""Time, where nothing arrives: ticks into the log of each partition that waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from automations.model.moment import SECOND
from automations.ports import Clock
from automations.runtime.kafka.evaluate import EvaluateStage
from automations.runtime.kafka.records import Tick

log = structlog.get_logger()

_LOOK_EVERY: Final = 0.5
"""Seconds between two looks at the deadlines."""
_ON_THE_WAY: Final = SECOND // 2
"""How long an event may take from the door to its topic: a tick stays behind by that much."""


class Watermark:
    """How far time has certainly passed: no event received earlier is still to be matched. It is now where nothing
    waits, else what the slowest partition has come to.
    """

    def __init__(
        self, admin: AIOKafkaAdminClient, client: AIOKafkaConsumer, reading: Mapping[str, str], clock: Clock
    ) -> None:
        """`reading`: group → topic, in the order in which an event passes them."""
        self._admin, self._client = admin, client
        self._reading, self._clock = reading, clock

    async def now(self) -> int | None:
        """Return the moment, in microseconds; None while something waits of which nothing is known yet.

        The clock is read first: what is appended after the ends were asked for was received later, but for the
        time that it takes from the door.
        """
        now = reached = self._clock.now()
        for group, topic in self._reading.items():
            reached = min(reached, await self._reached(group, topic, now))
        reached -= _ON_THE_WAY
        return reached if reached > 0 else None

    async def _reached(self, group: str, topic: str, now: int) -> int:
        (described,) = await self._admin.describe_topics([topic])
        partitions = [TopicPartition(topic, found["partition"]) for found in described["partitions"]]
        ends = await self._client.end_offsets(partitions)
        begins = await self._client.beginning_offsets(partitions)
        done = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
        return min(_reached(done.get(each), begins[each], ends[each], now) for each in partitions)


def _reached(done: OffsetAndMetadata | None, begin: int, end: int, now: int) -> int:
    """How far a partition has come: match commits beside its position when the last event was received. None: the
    group's coordinator could not tell.
    """
    if done is None:
        return 0
    return now if max(done.offset, begin) >= end else min(now, int(done.metadata or 0))


class Ticker:
    """Writes the ticks of this worker's partitions."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        watermark: Watermark,
        stages: Callable[[], Mapping[int, EvaluateStage]],
    ) -> None:
        self._producer, self._topic = producer, topic
        self._watermark, self._stages = watermark, stages

    async def run(self) -> None:
        """Look at the deadlines until cancelled."""
        while True:
            try:
                await self.look()
            except KafkaError as error:
                log.warning("tick_failed", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """Write a tick wherever one is due."""
        waiting = {number: due for number, stage in self._stages().items() if (due := stage.due()) is not None}
        reached = await self._watermark.now() if waiting else None
        for number, due in waiting.items():
            if reached is not None and due <= reached:
                await self._write(number, reached)

    async def _write(self, number: int, at: int) -> None:
        stage = self._stages().get(number)
        if stage is not None:
            record = Tick(at, downtime=not stage.caught_up).to(self._topic, number)
            written = await self._producer.send_and_wait(
                record.topic, record.value, partition=number, headers=list(record.headers)
            )
            stage.tick_sent(written.offset)

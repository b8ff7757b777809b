"""Records onto a cluster, each acknowledged; goes on after every failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from automations.errors import AutomationsError
from automations.model.reason import Reason
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.ending import end
from automations.runtime.kafka.records import Outgoing
from automations.runtime.kafka.unreachable import KafkaUnreachableError

_BACKOFF: Final = 100
"""Milliseconds: outside of transactions nothing has to be tried again sooner."""


class RecordTooLarge(AutomationsError):
    """The topic takes no record of this size."""

    code = Reason.TOO_LARGE


class Writer:
    """One idempotent producer at a time, made when it is needed. `batch_bytes`: a batch that is refused fails all
    its records, so on a topic of others it should be smaller than what that takes. `patience`: seconds until a
    topic that is not there is an error.
    """

    def __init__(self, cluster: Cluster, *, batch_bytes: int | None = None, patience: float = 5.0) -> None:
        self._cluster = cluster
        own: dict[str, Any] = {"retry_backoff_ms": _BACKOFF, "request_timeout_ms": int(patience * 1_000)}
        if batch_bytes is not None:
            own["max_batch_size"] = batch_bytes
        self._options = {**cluster.producer_options, **own}
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def write(self, records: Sequence[Outgoing], *, within: float | None = None) -> Sequence[str]:
        """Write records; returns where each stands (`TOPIC-PARTITION@OFFSET`) once all copies have all of them.

        While a broker is away this waits, for so many seconds. KafkaUnreachableError, RecordTooLarge: some of them
        may be written all the same, now or later.
        """
        try:
            async with asyncio.timeout(within):
                return await self._write(records)
        except TimeoutError:
            late = TimeoutError("no acknowledgement in time")
            raise KafkaUnreachableError(self._cluster.bootstrap, late) from None

    async def _write(self, records: Sequence[Outgoing]) -> Sequence[str]:
        deliveries: list[asyncio.Future[Any]] = []
        producer = await self._started()
        try:
            for record in records:
                deliveries.append(await _send(producer, record))  # noqa: PERF401 - a failure keeps the earlier
            written = [await delivery for delivery in deliveries]
        except KafkaError as error:
            await self._let_go(producer)
            raise self._told(error) from error
        finally:
            for delivery in deliveries:
                delivery.add_done_callback(_retrieve)
        return [f"{each.topic}-{each.partition}@{each.offset}" for each in written]

    async def reach(self, topic: str) -> None:
        """KafkaUnreachableError where the cluster or the topic does not answer."""
        try:
            producer = await self._started()
            if not await producer.client.force_metadata_update():
                raise KafkaConnectionError("no broker answers")
            await producer.partitions_for(topic)
        except KafkaError as error:
            raise KafkaUnreachableError(self._cluster.bootstrap, error) from error

    async def close(self) -> None:
        """Write what is under way, for a while, and let go of the connections."""
        if self._producer is not None:
            await self._let_go(self._producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    await self._cluster.start(producer)
                except BaseException:
                    await end(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _let_go(self, producer: AIOKafkaProducer) -> None:
        """A producer that failed once may have left a gap in its sequence: the next record takes a new one."""
        if producer is self._producer:
            self._producer = None
        await end(producer)

    def _told(self, error: KafkaError) -> AutomationsError:
        if isinstance(error, MessageSizeTooLargeError | RecordTooLargeError):
            return RecordTooLarge(str(error), hint="raise max.message.bytes of the topic")
        return KafkaUnreachableError(self._cluster.bootstrap, error)


async def _send(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[Any]:
    delivery: asyncio.Future[Any] = await producer.send(
        record.topic, record.value, record.key, partition=record.partition, headers=list(record.headers)
    )
    return delivery


def _retrieve(delivery: asyncio.Future[Any]) -> None:
    """Of several that failed alike one is told; the others are not to be warned of."""
    if not delivery.cancelled():
        delivery.exception()

"""Which worker works on which partition: a consumer group whose members read nothing by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.ending import end
from automations.runtime.kafka.partition import Partition
from automations.runtime.kafka.stage import Stage
from automations.runtime.kafka.tally import Tally

S = TypeVar("S", bound=Stage)
log = structlog.get_logger()

_DRAIN: Final = 5.0
"""Seconds that a transaction may take to end."""
_ALIVE: Final = 1_000
"""Milliseconds between two signs of life towards the consumer, which leaves a group that nobody asks it about."""


class Membership(ConsumerRebalanceListener, Generic[S]):  # type: ignore[misc]  # aiokafka has no types
    """Runs the partitions of `topic` that `group` gives to this worker. While the group talks they hold between
    two transactions; one that stays here goes on with the state that it has.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        topic: str,
        open_partition: Callable[[int], Partition[S]],
        tally: Tally,
    ) -> None:
        self.partitions: dict[int, Partition[S]] = {}
        self.joined = False
        """True once the group has said which partitions this member has, be it none."""
        self.tally = tally
        self._cluster, self._group, self._topic = cluster, group, topic
        self._open = open_partition
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._held: set[int] = set()

    @property
    def stages(self) -> Mapping[int, S]:
        """The stages at work here, by partition."""
        return {number: partition.stage for number, partition in self.partitions.items()}

    async def run(self) -> None:
        """Work until cancelled. Raises what a partition raised: the worker must end for it."""
        consumer = self._cluster.member(self._group)
        consumer.subscribe([self._topic], listener=self)
        self._consumer = consumer
        try:
            await self._cluster.start(consumer)
            while True:
                await consumer.getmany(timeout_ms=_ALIVE)
                self._raise_failure()
        finally:
            await self._close(self.partitions.keys())
            await end(consumer)

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        """Hold, until the group has decided."""
        for number in self.partitions.keys() - self._held:
            await self.partitions[number].hold()
            self._held.add(number)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Let go of what went elsewhere, go on with what stays, begin with what is new."""
        self._consumer.pause(*assigned)
        numbers = {partition.partition for partition in assigned}
        await self._close(self.partitions.keys() - numbers)
        for number in sorted(self._held):
            self.partitions[number].release()
        self._held.clear()
        for number in sorted(numbers - self.partitions.keys()):
            self.partitions[number] = partition = self._open(number)
            self._tasks[number] = asyncio.create_task(partition.run())
        self.joined = True
        self.tally.rebalances += 1
        log.info("partitions_assigned", topic=self._topic, partitions=sorted(numbers))

    async def _close(self, numbers: Iterable[int]) -> None:
        """End partitions between two transactions; one that does not come to that is cut off, and its successor
        undoes what it left open.
        """
        closing = {number: self._tasks.pop(number) for number in list(numbers)}
        partitions = {number: self.partitions.pop(number) for number in closing}
        working = [partitions[n] for n, task in closing.items() if n not in self._held and not task.done()]
        self._held -= closing.keys()
        if working:
            await asyncio.wait([asyncio.create_task(partition.hold()) for partition in working], timeout=_DRAIN)
        for task in closing.values():
            task.cancel()
        await asyncio.gather(*closing.values(), return_exceptions=True)

    def _raise_failure(self) -> None:
        for task in self._tasks.values():
            if task.done():
                task.result()

"""Transactions that decide nothing: BOOTSTRAP TOPIC GROUP OUTPUT.

Reads JSON, writes a record for each tenth event, commits both with the position, as a worker does; one
transactional id for each partition.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
from aiokafka import TopicPartition

from automations.runtime.kafka.cluster import Cluster


async def partition(cluster: Cluster, source: TopicPartition, group: str, output: str) -> None:
    async with (
        cluster.producer(f"{group}.{source.partition}") as producer,
        cluster.reader(source, group=group) as reader,
    ):
        await reader.seek_to_beginning(source)
        while True:
            fetched = (await reader.getmany(source, timeout_ms=500, max_records=500)).get(source, ())
            if not fetched:
                continue
            async with producer.transaction():
                for record in fetched:
                    if orjson.loads(record.value)["payload"]["order"] % 10 == 0:
                        await producer.send(output, record.value, record.key)
                offset = {source: await reader.position(source)}
                await producer.send_offsets_to_transaction(offset, group)


async def main() -> None:
    bootstrap, topic, group, output = sys.argv[1:]
    cluster = Cluster(bootstrap)
    async with asyncio.TaskGroup() as at_once:
        for number in range(await cluster.partitions(topic)):
            at_once.create_task(partition(cluster, TopicPartition(topic, number), group, output))


if __name__ == "__main__":
    asyncio.run(main())

"""A worker as `automations worker` runs it: python -m kafka_faults.worker DIRECTORY DATABASE [CRASH-POINT COUNT].

At its crash point, one of the steps of a transaction, it kills itself when it comes there for the COUNTth time.
With CHAOS_CONTROL=offsets-first it has a defect: it commits its position before what follows from the records.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata
from kafka.worker_main import crash_at

from automations.runtime.kafka.partition import Partition
from automations.runtime.kafka.records import Outgoing
from automations.settings import load_settings
from automations.wiring.worker import work


async def offsets_first(
    partition: Partition[Any], producer: AIOKafkaProducer, outgoing: Sequence[Outgoing], position: int
) -> None:
    """The defect."""
    offset = {partition.source: OffsetAndMetadata(position, partition.stage.progress())}
    async with producer.transaction():
        await producer.send_offsets_to_transaction(offset, partition._group)  # noqa: SLF001
    partition._committed = position  # noqa: SLF001
    async with producer.transaction():
        for record in outgoing:
            headers = list(record.headers)
            await producer.send(
                record.topic, record.value, record.key, partition=record.partition, headers=headers
            )


def main() -> int:
    directory, database, *crash = sys.argv[1:]
    if os.environ.get("CHAOS_CONTROL") == "offsets-first":
        Partition._commit = offsets_first  # type: ignore[method-assign, assignment]  # noqa: SLF001
    if crash:
        crash_at(crash[0], int(crash[1]))
    return work(load_settings({"directory": directory, "kafka": {"worker_db": database}}), "all")


if __name__ == "__main__":
    sys.exit(main())

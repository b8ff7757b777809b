"""A worker in a process of its own: BOOTSTRAP PREFIX STAGES [CRASH-POINT COUNT].

At its crash point, one of the steps of a transaction, the process kills itself when it comes there for the COUNTth
time. The variable AT_ONCE makes its transactions smaller than they are.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from aiokafka import AIOKafkaProducer

from automations.errors import AutomationsError
from automations.logs import configure_logs
from automations.runtime.kafka import stage
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.stages import Stages, StageSettings
from automations.runtime.kafka.topics import Topology
from automations.runtime.kafka.worker import run_worker
from automations.wiring.clock import SystemClock

SESSION = 3.0
"""Seconds; what a crash costs the tests."""
POINTS = {
    "before-begin": ("begin_transaction", "before"),
    "before-offsets": ("send_offsets_to_transaction", "before"),
    "before-commit": ("commit_transaction", "before"),
    "after-commit": ("commit_transaction", "after"),
}


def crash_at(point: str, times: int) -> None:
    method, when = POINTS[point]
    original, calls = getattr(AIOKafkaProducer, method), count(1)

    async def crashing(producer: AIOKafkaProducer, *arguments: Any) -> Any:
        last = next(calls) == times
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await original(producer, *arguments)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(AIOKafkaProducer, method, crashing)


def main() -> int:
    bootstrap, prefix, stages, *crash = sys.argv[1:]
    configure_logs("info", "json")
    stage.AT_ONCE = int(os.environ.get("AT_ONCE", stage.AT_ONCE))  # type: ignore[misc]
    if crash:
        crash_at(crash[0], int(crash[1]))
    chosen: Any = frozenset(stages.split(","))
    settings = StageSettings(Cluster(bootstrap, session=SESSION), Topology(prefix), chosen)
    try:
        return run_worker(Stages(settings, SystemClock()))
    except AutomationsError as error:
        print(error)
        return 3 if error.code == "unreachable" else 1


if __name__ == "__main__":
    sys.exit(main())

"""The worker of the Kafka runtime. `require_kafka` comes before this is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automations.engine import StateBounds
from automations.ingest import Limits
from automations.logs import configure_logs
from automations.runtime.kafka.stages import BOTH, DecidingStage, StageSettings
from automations.runtime.kafka.worker import run_worker
from automations.settings import Settings
from automations.wiring.clock import SystemClock
from automations.wiring.kafka import cluster_of, topology_of

_STAGES: Final[Mapping[str, frozenset[DecidingStage]]] = {
    "all": BOTH,
    "match": frozenset({"match"}),
    "evaluate": frozenset({"evaluate"}),
}


def work(settings: Settings, stage: str) -> int:
    """Run a worker for some stages (`all`, `match`, `evaluate`) until a signal ends it; returns the exit code.

    TopicsError where the topics are not as they must be, KafkaUnreachableError.
    """
    configure_logs(settings.log_level, settings.log_format)
    stages = StageSettings(
        cluster_of(settings),
        topology_of(settings),
        _STAGES[stage],
        Limits(settings.max_event_bytes),
        StateBounds(settings.lateness, settings.state_retention),
    )
    return run_worker(stages, SystemClock())

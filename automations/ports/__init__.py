"""The ports: what the runtime needs from the outside, and what adapters implement.

All transactions are synchronous and short: they run one after another inside the store's group commit.
"""

from automations.ports.clock import Clock
from automations.ports.engine import Accepted, Engine, Operations, RulesStatus, RunRecorder, StateChange
from automations.ports.intake import Intake
from automations.ports.jobs import DeployedKind, Deployer, DeployOutcome, Jobs, PausableJobs, PausableKind
from automations.ports.rows import (
    ActionOutcome,
    ActionRow,
    ApiKey,
    DeadLetter,
    Deployed,
    Ledger,
    Page,
    SourceCursor,
    StoredFiring,
)
from automations.ports.sinks import Dead, Delivery, Done, MakeSink, Retry, Sink, SinkContext
from automations.ports.sources import Source, SourceContext, SourceType
from automations.ports.store import Reads, Store, Transaction
from automations.ports.worker import PartitionStatus, StageStatus, WorkerStatus

__all__ = [
    "Accepted",
    "ActionOutcome",
    "ActionRow",
    "ApiKey",
    "Clock",
    "Dead",
    "DeadLetter",
    "Delivery",
    "DeployOutcome",
    "Deployed",
    "DeployedKind",
    "Deployer",
    "Done",
    "Engine",
    "Intake",
    "Jobs",
    "Ledger",
    "MakeSink",
    "Operations",
    "Page",
    "PartitionStatus",
    "PausableJobs",
    "PausableKind",
    "Reads",
    "Retry",
    "RulesStatus",
    "RunRecorder",
    "Sink",
    "SinkContext",
    "Source",
    "SourceContext",
    "SourceCursor",
    "SourceType",
    "StageStatus",
    "StateChange",
    "Store",
    "StoredFiring",
    "Transaction",
    "WorkerStatus",
]

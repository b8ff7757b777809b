"""What each record holds, between bytes and dataclasses.

Every record of ours has the header `automations`, its kind and version (`match/1`): a topic may hold several
kinds, and an old worker refuses what a newer one wrote. Values are JSON. A record on the topic of events without
the header was written by somebody else, and goes through the door first (`automations.ingest`).
"""

from automations.runtime.kafka.records.action import ActionRecord, Result
from automations.runtime.kafka.records.cell import CellRecord, cell_bytes, cell_from
from automations.runtime.kafka.records.closed_letter import ClosedLetter, Decision
from automations.runtime.kafka.records.dead_letter import (
    FAILED_ACTION,
    REDRIVEN_FROM,
    DeadLetter,
    Origin,
    StageName,
)
from automations.runtime.kafka.records.event import EventKey, EventRecord
from automations.runtime.kafka.records.match import MatchRecord, Tick
from automations.runtime.kafka.records.partitioning import choose, partition_of
from automations.runtime.kafka.records.record import (
    HEADER,
    Headers,
    NewerRecordError,
    Outgoing,
    Read,
    RecordError,
    header,
    kind_of,
)
from automations.runtime.kafka.records.rules import Pause, Revision, RuleFile
from automations.runtime.kafka.records.trace import FiringRecord, TraceRecord

__all__ = [
    "FAILED_ACTION",
    "HEADER",
    "REDRIVEN_FROM",
    "ActionRecord",
    "CellRecord",
    "ClosedLetter",
    "DeadLetter",
    "Decision",
    "EventKey",
    "EventRecord",
    "FiringRecord",
    "Headers",
    "MatchRecord",
    "NewerRecordError",
    "Origin",
    "Outgoing",
    "Pause",
    "Read",
    "RecordError",
    "Result",
    "Revision",
    "RuleFile",
    "StageName",
    "Tick",
    "TraceRecord",
    "cell_bytes",
    "cell_from",
    "choose",
    "header",
    "kind_of",
    "partition_of",
]

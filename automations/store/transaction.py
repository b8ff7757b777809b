"""A transaction: all that an operation may write."""

from __future__ import annotations

from automations.store.actions import ActionReads
from automations.store.administration import AdministrationReads, AdministrationWrites
from automations.store.cells import CellWrites
from automations.store.dead_letters import DeadLetterReads, DeadLetterWrites
from automations.store.deployed import DeployedReads, DeployedWrites
from automations.store.events import EventReads, EventWrites
from automations.store.firings import FiringReads, FiringWrites
from automations.store.ledger import LedgerReads
from automations.store.retention import RetentionWrites
from automations.store.runs import RunReads, RunWrites
from automations.store.source_cursors import SourceCursorReads, SourceCursorWrites
from automations.store.wall_clock import WallClockReads, WallClockWrites


class SqliteTransaction(
    EventWrites,
    CellWrites,
    FiringWrites,
    DeadLetterWrites,
    RunWrites,
    AdministrationWrites,
    RetentionWrites,
    WallClockWrites,
    DeployedWrites,
    SourceCursorWrites,
):
    """Implements `ports.Transaction` (dead letters bring actions with them)."""


class SqliteReads(
    EventReads,
    FiringReads,
    ActionReads,
    DeadLetterReads,
    RunReads,
    LedgerReads,
    AdministrationReads,
    WallClockReads,
    DeployedReads,
    SourceCursorReads,
):
    """Implements `ports.Reads`."""

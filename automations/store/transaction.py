"""A transaction: all that an operation may write."""

from __future__ import annotations

from automations.store.actions import ActionReads
from automations.store.administration import AdministrationReads, AdministrationWrites
from automations.store.cells import CellWrites
from automations.store.dead_letters import DeadLetterReads
from automations.store.deployed import DeployedReads, DeployedWrites
from automations.store.events import EventReads
from automations.store.firings import FiringReads
from automations.store.ledger import LedgerReads
from automations.store.read_model import ReadModelWrites
from automations.store.retention import RetentionWrites
from automations.store.runs import RunReads, RunWrites
from automations.store.source_cursors import SourceCursorReads, SourceCursorWrites
from automations.store.wall_clock import WallClockReads, WallClockWrites


class SqliteTransaction(
    ReadModelWrites,
    CellWrites,
    RunWrites,
    AdministrationWrites,
    RetentionWrites,
    WallClockWrites,
    DeployedWrites,
    SourceCursorWrites,
):
    """Implements `ports.Transaction` (a read model brings events, firings, actions and dead letters with it)."""


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

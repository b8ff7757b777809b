"""Durable state in one SQLite file: group commit for what is written, snapshots for what is read."""

from automations.store.retention import Retention
from automations.store.sqlite import SqliteStore

__all__ = ["Retention", "SqliteStore"]

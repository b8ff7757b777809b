"""The store: one SQLite file, one process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Final, TypeVar

from automations.errors import SettingsError
from automations.ports import Clock, Reads, Transaction
from automations.store.lock import FileLock
from automations.store.readers import Readers
from automations.store.retention import FORGETTABLE, Forgettable, Retention
from automations.store.schema import migrate
from automations.store.transaction import SqliteReads
from automations.store.writer import Acknowledge, Writer

T = TypeVar("T")

_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "cache_size = -65536",
    "journal_size_limit = 67108864",
)
_FOREIGN_WRITER: Final = 1.0
"""Seconds to wait for somebody else's write lock. There should be none: one engine to a file."""


class SqliteStore:
    """Implements `ports.Store`. Made by `open`, used on one event loop."""

    def __init__(self, lock: FileLock, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._lock, self._writer, self._readers, self._clock = lock, writer, readers, clock
        self._reads = SqliteReads(readers)

    @classmethod
    def open(cls, path: Path, *, clock: Clock, acknowledge: Acknowledge = "after-commit") -> SqliteStore:
        """Open or make the database; SettingsError when it cannot be, or another process has it.

        `acknowledge` exists for the control of the loss tests alone: 'before-commit' answers too early, so that a
        test which kills the process must see loss.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_name(path.name + ".lock"))
            try:
                migrate(path)
                writer = Writer(_connect(path), clock, acknowledge)
            except BaseException:
                lock.release()
                raise
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"the database {path} cannot be opened: {error}", code="store-not-opened"
            ) from error
        return cls(lock, writer, Readers(path), clock)

    @property
    def reads(self) -> Reads:
        """The reading side: sees what is committed."""
        return self._reads

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """Run `operation` in the next group's transaction; returns once that is durable.

        An operation that raises is rolled back alone; its neighbours go on. StoreUnavailableError when the
        group could not be committed: then nothing of it was kept.
        """
        return await self._writer.write(operation)

    def add_rollback_listener(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the event loop whenever an operation or a group was rolled back, before any
        further operation runs: what it remembers of the store's content may never have been.
        """
        self._writer.rollback_listeners.append(listener)

    async def purge(self, retention: Retention) -> None:
        """Forget what is older than `retention` says, 1,000 rows a transaction, others' writes in between."""
        now = self._clock.now()
        before = {"events": now - retention.events, "settled": now - retention.settled}
        for what in FORGETTABLE:
            await self._forget(what, before[what.age])
        while await self._writer.write(methodcaller("forget_idle_cells", now - retention.state)):
            pass

    async def _forget(self, what: Forgettable, before: int) -> None:
        position: int | None = 0
        while position is not None:
            position = await self._writer.write(methodcaller("forget", what, position, before))

    async def close(self) -> None:
        """Commit what waits, checkpoint, close, let go of the file."""
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()
        self._lock.release()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(
        path, timeout=_FOREIGN_WRITER, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    for pragma in _PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    return db

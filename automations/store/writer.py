"""Group commit: operations that wait share one transaction, and so one fsync."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal, TypeVar

import structlog

from automations.errors import StoreUnavailableError
from automations.ports import Clock
from automations.store.ledger import Tally, add_to_ledger
from automations.store.transaction import SqliteTransaction

log = structlog.get_logger()

T = TypeVar("T")
Acknowledge = Literal["after-commit", "before-commit"]

_GROUP_OPERATIONS: Final = 100
_GROUP_SECONDS: Final = 0.005
"""How long operations of one group may run on the event loop before it closes."""

_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Primary result codes that tell of the disk, not of the statement."""


@dataclass(slots=True)
class _Waiting:
    operation: Callable[[SqliteTransaction], Any]
    answer: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None
    committed: Sequence[Callable[[], None]] = ()
    undone: Sequence[Callable[[], None]] = ()

    def undo(self) -> None:
        for callback in reversed(self.undone):
            callback()
        self.undone = ()

    def resolve(self) -> None:
        for callback in self.committed if self.error is None else ():
            callback()
        self.committed = ()
        if self.answer.done():  # its caller has been cancelled
            return
        if self.error is None:
            self.answer.set_result(self.value)
        else:
            self.answer.set_exception(self.error)


class Writer:
    """Runs operations on the one connection that writes.

    Operations run on the event loop's thread, one after another, each in its own savepoint. Python's SQLite hands
    the interpreter's lock over at every step of a statement: in a thread of their own they would wait for the
    event loop at each row. Only COMMIT, which waits for the disk, goes to a thread; what arrives meanwhile is the
    next group, so a group is as large as the disk is slow.
    """

    def __init__(self, db: sqlite3.Connection, clock: Clock, acknowledge: Acknowledge) -> None:
        self._db, self._clock, self._acknowledge = db, clock, acknowledge
        self._waiting: deque[_Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="store-commit")
        self._closed = False
        self.rollback_listeners: list[Callable[[], None]] = []

    async def write(self, operation: Callable[[SqliteTransaction], T]) -> T:
        """Run `operation` in the next group; returns once that is durable."""
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        waiting = _Waiting(operation, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        value: T = await waiting.answer
        return value

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._commit_group()
        finally:
            self._draining = None

    async def _commit_group(self) -> None:
        group: list[_Waiting] = []
        try:
            self._run_group(group)
            if self._acknowledge == "before-commit":
                _resolve(group)
            await asyncio.get_running_loop().run_in_executor(self._committer, self._db.execute, "COMMIT")
        except (sqlite3.Error, StoreUnavailableError, MemoryError) as error:
            self._abandon(group, error)
        _resolve(group)

    def _run_group(self, group: list[_Waiting]) -> None:
        """Run operations until nothing waits or the group is full. What was begun is in `group`, come what may."""
        tally = Tally()
        self._begin(group)
        closes = monotonic() + _GROUP_SECONDS
        while self._waiting and len(group) < _GROUP_OPERATIONS and monotonic() < closes:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                group.append(waiting)
                self._run(waiting, tally)
        add_to_ledger(self._db, tally)

    def _begin(self, group: list[_Waiting]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            group.extend(self._waiting)  # it is all that wait who cannot be served now
            self._waiting.clear()
            raise

    def _run(self, waiting: _Waiting, tally: Tally) -> None:
        """Run one operation. If it raises, it alone is undone; if the disk is at fault, the group is lost."""
        transaction = SqliteTransaction(self._db, self._clock)
        waiting.undone = transaction.undone
        self._db.execute("SAVEPOINT operation")
        try:
            waiting.value = waiting.operation(transaction)
        except Exception as error:
            if _disk_failed(error) or not self._db.in_transaction:
                raise StoreUnavailableError(str(error)) from error
            waiting.error = error
            self._db.execute("ROLLBACK TO operation")
            waiting.undo()
            self._tell_rolled_back()
        else:
            tally.update(transaction.tally)
            waiting.committed = transaction.committed
        self._db.execute("RELEASE operation")

    def _abandon(self, group: list[_Waiting], error: Exception) -> None:
        """Undo the whole group. An operation that had failed by itself is told so too: what it saw is undone."""
        log.error("store_unavailable", error=str(error), operations=len(group))
        try:
            if self._db.in_transaction:  # a full disk may have rolled it back already
                self._db.execute("ROLLBACK")
        except sqlite3.Error as failure:
            log.error("rollback_failed", error=str(failure))
        self._tell_rolled_back()
        for waiting in reversed(group):
            waiting.undo()
            waiting.error = StoreUnavailableError(
                f"the store could not commit: {error}", hint="free space on its disk, or look at its health"
            )

    def _tell_rolled_back(self) -> None:
        for listener in self.rollback_listeners:
            listener()

    async def close(self) -> None:
        """Commit what waits, move the log into the database, close."""
        self._closed = True
        if self._draining is not None:
            await self._draining
        await asyncio.get_running_loop().run_in_executor(self._committer, self._checkpoint_and_close)
        self._committer.shutdown()

    def _checkpoint_and_close(self) -> None:
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:  # nothing is lost: the next start reads the log
            log.warning("checkpoint_failed", error=str(error))
        finally:
            self._db.close()


def _resolve(group: list[_Waiting]) -> None:
    for waiting in group:
        waiting.resolve()


def _disk_failed(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE

"""Read-only connections in threads of their own: a listing never waits for the writer, nor the writer for it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from automations.errors import StoreUnavailableError

T = TypeVar("T")

_THREADS: Final = 3


class Readers:
    """A few threads, each with its own connection. They never checkpoint: one connection does, the writer's."""

    def __init__(self, path: Path) -> None:
        self._uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Call `read` with a connection, in one snapshot. StoreUnavailableError where the disk fails."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._snapshot, read)

    def _snapshot(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            db = self._connection()
            db.execute("BEGIN")
            try:
                return read(db)
            finally:
                db.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(f"the store could not read: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA query_only = ON")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            self._local.db = db
            self._connections.append(db)
        return db

    def close(self) -> None:
        """Wait for reads under way, then close the connections."""
        self._threads.shutdown()
        for db in self._connections:
            db.close()


class Reading:
    """The base of everything that is read: how to get at a connection."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await self._readers.run(read)

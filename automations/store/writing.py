"""The base of everything that is written."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

from automations.ports import Clock
from automations.store.ledger import Tally


class Writing:
    """One operation's hold on the writing connection, and what it adds to the ledger."""

    def __init__(self, db: Connection, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self.tally: Tally = Tally()
        self.committed: list[Callable[[], None]] = []
        self.undone: list[Callable[[], None]] = []

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called on the event loop once all of this is durable; never, if it is undone."""
        self.committed.append(callback)

    def after_rollback(self, callback: Callable[[], None]) -> None:
        """Have `callback` called if this is undone, before any further operation runs."""
        self.undone.append(callback)

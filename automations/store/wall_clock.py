"""The wall clock as it was last seen, and what waits for it."""

from __future__ import annotations

from typing import Final

from automations.store.readers import Reading
from automations.store.writing import Writing

_SEE: Final = (
    "INSERT INTO wall_clock (only, seen) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET seen = excluded.seen"
)
_SEEN: Final = "SELECT seen FROM wall_clock"
_HASTEN: Final = (
    "UPDATE actions SET next_attempt = next_attempt - :step WHERE state = 'pending' AND next_attempt > :now",
    "UPDATE runs SET due = due - :step WHERE state = 'Scheduled' AND due > :now",
)


class WallClockWrites(Writing):
    """The wall clock, written."""

    def clock_seen(self, now: int) -> None:
        """Remember where the wall clock stands."""
        self._db.execute(_SEE, [now])

    def clock_set_back(self, step: int, now: int) -> int:
        """Take the clock's step back out of all that waits: pending actions and scheduled runs. What was due
        before the step is due at `now`. Remembers where the clock stands; returns how many rows moved.
        """
        self._db.execute(_SEE, [now])
        return sum(self._db.execute(hasten, {"step": step, "now": now}).rowcount for hasten in _HASTEN)


class WallClockReads(Reading):
    """The wall clock, read."""

    async def last_clock(self) -> int | None:
        """Return where the wall clock stood when it was last remembered; None in a new store."""
        row = await self._read(lambda db: db.execute(_SEEN).fetchone())
        return None if row is None else int(row[0])

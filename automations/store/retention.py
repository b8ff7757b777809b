"""Retention: what is old and settled is forgotten, in bites that hold nobody up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from automations.model.moment import DAY
from automations.store.writing import Writing

_BITE: Final = 1000

Age = Literal["events", "settled"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept, in microseconds. An event that is sent again after it was forgotten is new; `state`
    is that of triggers which nothing reaches.
    """

    events: int = 7 * DAY
    settled: int = 30 * DAY
    state: int = 30 * DAY


@dataclass(frozen=True, slots=True)
class Forgettable:
    """A table whose rows are forgotten where `condition` holds; `moment` grows with `seq`, but for clock jumps."""

    table: str
    moment: str
    age: Age
    condition: str = "TRUE"


_NO_OPEN_LETTER: Final = "NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.id = actions.id AND d.state = 'open')"

FORGETTABLE: Final = (
    Forgettable("events", "received", "events"),
    Forgettable("event_traces", "stored", "events"),
    Forgettable("firing_events", "stored", "events"),
    Forgettable("firings", "stored", "settled"),
    Forgettable("dead_letters", "created", "settled", "state <> 'open'"),
    Forgettable("actions", "created", "settled", f"state <> 'pending' AND {_NO_OPEN_LETTER}"),
    Forgettable("runs", "created", "settled", "ended IS NOT NULL"),
    Forgettable("run_logs", "at", "settled"),
)


class RetentionWrites(Writing):
    """Forgetting. The ledger counts what was, so it does not change."""

    def forget(self, what: Forgettable, after: int, before: int) -> int | None:
        """Look at the 1,000 rows that follow the position `after`, and delete those older than the moment `before`
        that may go. Returns where to go on; None once the rows are young enough.
        """
        bite = f"SELECT seq, {what.moment} AS moment FROM {what.table} WHERE seq > ? ORDER BY seq LIMIT {_BITE}"
        last = self._db.execute(f"SELECT max(seq) FROM ({bite}) WHERE moment < ?", [after, before]).fetchone()[0]
        if last is None:
            return None
        self._db.execute(
            f"DELETE FROM {what.table} WHERE seq > ? AND seq <= ? AND {what.moment} < ? AND {what.condition}",
            [after, last, before],
        )
        return int(last)

"""What every kind of trigger answers, alone or as a part of a composite."""

from typing import Protocol

from oracle.occurrence import Occurrence
from oracle.spark import Spark


class Node(Protocol):
    """A trigger with everything that ever happened to it. Times are microseconds."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Its own `for_each` behind that of all its parents."""

    @property
    def window(self) -> int | None:
        """Its greatest finite window, which lateness adds to."""

    def matches(self, event: Occurrence) -> bool:
        """Whether the event takes part here."""

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        """Evaluate an event; windows that start before the horizon are over."""

    def next_deadline(self) -> int | None:
        """The earliest instant at which time alone may change something."""

    def judge(self, instant: int) -> list[Spark]:
        """Everything that the deadlines at this instant, the earliest, bring."""

    def after_downtime(self, now: int) -> None:
        """Skip what must not be judged when downtime ended at `now`."""

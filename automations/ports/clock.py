"""The clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    pass


class Clock(Protocol):
    """Where the runtime reads time; tests hand in a manual one."""

    def now(self) -> int:
        """Return the wall clock, a moment in microseconds."""
        ...

"""What a source that fetches its events asks of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from automations.model.event import Event
from automations.ports.engine import Accepted
from automations.ports.store import Transaction


class Intake(Protocol):
    """The engine, to those who bring it events from elsewhere."""

    async def accept(
        self, events: Sequence[Event], *, also: Callable[[Transaction], None] | None = None
    ) -> Accepted:
        """Process and store events; returns when durable. `also` writes in the same transaction: how far a source
        has read, say. StoreUnavailableError, Refused (429 over bounds): then nothing of it was kept.
        """
        ...

    def hold_time(self, source: str) -> None:
        """Have no tick overtake the events that this source has yet to bring (rules.md 4.5)."""
        ...

    def release_time(self, source: str) -> None:
        """Let time pass again, as after a downtime: the source has caught up, or cannot now."""
        ...

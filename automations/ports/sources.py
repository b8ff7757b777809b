"""What fetches events from elsewhere, and how another package brings a type of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from automations.model.secret import SecretReference
from automations.ports.clock import Clock
from automations.ports.intake import Intake
from automations.ports.rows import SourceCursor


class Source(Protocol):
    """Runs for as long as it is declared. It hands over events by `Intake.accept`, each with the source's name and
    an id of its own: what comes twice is taken once. How far it has read is written in the same transaction
    (`Transaction.advance_source`), so that nothing is missed after a crash.
    """

    async def run(self) -> None:
        """Fetch until cancelled. Whatever it raises is logged, and it is run again."""
        ...


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source of another package gets from the engine. `cursor`: how far it has read, None at first."""

    name: str
    intake: Intake
    clock: Clock
    cursor: Callable[[], Awaitable[SourceCursor | None]]
    read_secret: Callable[[SecretReference], str]


@dataclass(frozen=True, slots=True)
class SourceType:
    """The entry point of a source type, in the group `automations.sources`. `settings` validates the keys of its
    entry in the file of sources, beside `name` and `type`.
    """

    settings: type[BaseModel]
    make: Callable[[Any, SourceContext], Source]

"""What the server and the pool may ask of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from automations.model.job import Run

if TYPE_CHECKING:
    from automations.model.document import JsonObject
    from automations.model.event import Event
    from automations.model.reason import Reason
from automations.ports.jobs import PausableKind
from automations.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Accepted:
    """The door's answer, once durable: one entry per event handed in; True where it was a duplicate."""

    duplicates: Sequence[bool]


@dataclass(frozen=True, slots=True)
class RulesStatus:
    """`errors` are the problems of the files that were not taken, as text; then `revision` is the last good.
    `outcomes`: what became of events at the triggers that they reached, since the start.
    """

    revision: str
    automations: int
    loaded: int
    errors: Sequence[str] = ()
    outcomes: Mapping[Reason, int] = field(default_factory=dict)


class Operations(Protocol):
    """What operators may ask of an engine, be it one process or a cluster, and decide about it."""

    def rules_status(self) -> RulesStatus:
        """Tell which rules are in force."""
        ...

    def explain(self, event: Event, trace: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """Tell for each automation what became of a stored event: as `trace` recorded it, or worked out again."""
        ...

    def messages(self) -> AsyncIterator[JsonObject]:
        """Yield what happens from now on: {"type": "event" | "firing" | "lost", ...}."""
        ...

    def automations(self) -> Sequence[JsonObject]:
        """Return every automation: its document, `paused`, `location`, `stateless`."""
        ...

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume an object; NotFoundError suggests, ConflictError where several have the name."""
        ...

    async def redrive(self, dead_letter: str) -> str | None:
        """Have what is dead tried again; returns the new id of an action. NotFoundError, ConflictError."""
        ...

    async def discard(self, dead_letter: str) -> None:
        """Give a dead letter up; NotFoundError, ConflictError when it is not open."""
        ...


class Engine(Operations, Protocol):
    """The running engine, as its adapters see it."""

    async def accept(self, events: Sequence[Event]) -> Accepted:
        """Process and store events; returns when durable. StoreUnavailableError, Refused (429 over bounds)."""
        ...

    async def create_run(
        self,
        deployment: str,
        *,
        parameters: JsonObject,
        job_variables: JsonObject,
        idempotency_key: str | None,
        created_by: str,
    ) -> tuple[str, bool]:
        """Make a run by hand; returns (run id, True when it was made just now). JobVariableErrors."""
        ...

    async def cancel_run(self, run: str) -> Run:
        """Cancel; ConflictError when it has ended."""
        ...


StateChange = Callable[[Transaction], Run]


class RunRecorder(Protocol):
    """How the process pool changes a run: the state and its event are stored in one transaction."""

    def __call__(self, change: StateChange) -> Awaitable[Run]:
        """Apply the change, and process the event `automations.run.<State>` that it causes."""
        ...

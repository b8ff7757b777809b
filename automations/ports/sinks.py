"""What carries actions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from automations.model.job import RunSpec
from automations.model.secret import SecretReference
from automations.ports.clock import Clock

if TYPE_CHECKING:
    from automations.model.action import ActionRequest
    from automations.model.document import JsonObject


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered. `run`, when given, is committed as Scheduled in the transaction that settles the action."""

    reference: str = ""
    run: RunSpec | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `after` is what the peer asked for, in microseconds (`Retry-After`), or None for the backoff."""

    reason: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """Never. `code` is stable, `reason` is for people."""

    code: str
    reason: str


Delivery = Done | Retry | Dead


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink of another package gets from the engine: its name in the settings, the clock, and how to read a
    secret that the settings refer to.
    """

    name: str
    clock: Clock
    read_secret: Callable[[SecretReference], str]


class MakeSink(Protocol):
    """The entry point of a sink type, in the group `automations.sinks`."""

    def __call__(self, settings: Mapping[str, Any], context: SinkContext) -> Sink:
        """Make the sink from the keys of its table; pydantic's ValidationError is told with the key."""
        ...


class Sink(Protocol):
    """Where actions go. `prepare` settles everything that could still vary; `deliver` sends exactly that.

    The contract, proven by `tests/contract`: `prepare` raises `PrepareError` or `JobVariableErrors` for good, and
    what is `recoverable` is tried again; `deliver` raises nothing: it returns. Two deliveries of one prepared
    request have one effect where the peer honours a key; the request's id is that key everywhere.
    """

    action_types: frozenset[str]
    local: bool
    """True when `deliver` has no effect outside: all that it leads to is the run it returns, which is committed
    with the outcome. Then the prepared request needs no commit of its own before.
    """

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Return the request as it will be sent: plain JSON, stored before it is sent."""
        ...

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Send it, once."""
        ...

    async def close(self) -> None:
        """Let go of connections. In-flight deliveries have ended."""
        ...

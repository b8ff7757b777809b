"""What a stage is to the partition that it works for."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, TypeVar

import structlog

from automations.engine.batch import Broken, Found
from automations.model.action import FailedAction
from automations.model.reason import Reason
from automations.runtime.kafka.records import (
    ActionRecord,
    DeadLetter,
    FiringRecord,
    Outgoing,
    Read,
    StageName,
)
from automations.runtime.kafka.topics import Topology
from automations.runtime.processor import planned

log = structlog.get_logger()

AT_ONCE: Final = 2_000
"""Records of one transaction: so many share what it costs. Their bytes are bounded by those of one fetch."""
_TURN: Final = 100
"""Records that are decided on before others get their turn: a worker gives signs of life between them."""
T = TypeVar("T")


class Stage(ABC):
    """Decides; reads and writes nothing on the cluster by itself. One object for each partition."""

    name: StageName

    @property
    def room(self) -> int:
        """How many records it takes at most now; with none the partition waits."""
        return AT_ONCE

    @abstractmethod
    async def restore(self) -> None:
        """Take up the state that the partition's last owner left."""

    @abstractmethod
    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Decide what follows from these records, which come in order and each once; called without any now and
        then. What is returned is committed together with the position; where that fails, this object is used no
        more.
        """

    def position(self, read: int) -> int:
        """The offset before which all is done, where the records before `read` were handed over."""
        return read

    def progress(self) -> str:
        """What is committed beside the position."""
        return ""

    async def committed(self) -> None:  # noqa: B027 - few stages have anything to do then
        """What was returned last is committed."""

    async def leave(self) -> Sequence[Outgoing]:
        """Let go: the partition goes elsewhere. What is returned is committed, if that is still possible."""
        return ()


async def in_turns(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Hand them out some at a time, and let others go on in between."""
    for first in range(0, len(items), _TURN):
        if first:
            await asyncio.sleep(0)
        yield items[first : first + _TURN]


def told(broken: Broken) -> str:
    """What a fault of ours was, for the dead letter; it is logged here."""
    event = broken.event.ref if broken.event else None
    log.error("evaluation_failed", automation=broken.automation, event_ref=event, exc_info=broken.error)
    return f"automation {broken.automation!r}: {type(broken.error).__name__}: {broken.error}"


def fired(topology: Topology, found: Found, stage: StageName, revision: str) -> Iterator[Outgoing]:
    """A firing's records: itself, and its rendered actions."""
    program, firing = found
    yield FiringRecord.of(firing).to(topology.traces)
    for action in planned(program, firing):
        if not isinstance(action, FailedAction):
            record = ActionRecord(action).to(topology.actions)
            if record.fits:
                yield record
                continue
            message = f"the rendered action has {record.size} bytes: too large for a record"
            action = action.given_up(Reason.TOO_LARGE, message)
        yield DeadLetter.of_action(action, stage, revision).to(topology.dead_letters)

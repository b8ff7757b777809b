"""What a stage is to the partition that it works for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

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


class Stage(Protocol):
    """Decides; reads and writes nothing by itself. One object for each partition."""

    name: StageName

    async def restore(self) -> None:
        """Take up the state that the partition's last owner left."""
        ...

    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Decide what follows from these records, which come in order and each once; called without any now and
        then. What is returned is committed together with the position behind them; where that fails, this object
        is used no more.
        """
        ...

    def progress(self) -> str:
        """What is committed beside the position."""
        ...


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

"""The stage that knows no state: from events to whom they concern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from automations.engine import CellKey, StateBounds
from automations.engine.batch import Batch, Input, Interest, read
from automations.errors import AutomationsError
from automations.ingest import Limits
from automations.model.event import Event
from automations.model.reason import Reason
from automations.runtime.kafka.events import events_of
from automations.runtime.kafka.records import (
    DeadLetter,
    MatchRecord,
    Outgoing,
    Read,
    StageName,
    TraceRecord,
)
from automations.runtime.kafka.rules import Rules, RulesInForce
from automations.runtime.kafka.stage import Stage, fired, in_turns, told
from automations.runtime.kafka.topics import Topology

log = structlog.get_logger()


class MatchStage(Stage):
    """Works on a topic of events. An automation that needs no state fires here; for every other one
    there is a record for its cell.
    """

    name: StageName = "match"

    def __init__(self, topology: Topology, rules: RulesInForce, limits: Limits | None = None) -> None:
        self._topology, self._rules = topology, rules
        self._limits = limits or Limits()
        self._received = 0

    async def restore(self) -> None:
        """There is no state."""

    def progress(self) -> str:
        """When the last event was received, in microseconds: the watermark while others wait behind it."""
        return str(self._received)

    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Match events, fire what needs no state."""
        rules = self._rules.current
        outgoing: list[Outgoing] = []
        async for some in in_turns(records):
            for record in some:
                for entered in events_of(record, self._limits):
                    outgoing += self._enter(rules, record, entered)
        return outgoing

    def _enter(self, rules: Rules, record: Read, entered: Event | AutomationsError) -> Iterator[Outgoing]:
        if isinstance(entered, AutomationsError):
            yield self._dead(rules, record, entered.code, entered.message)
            return
        self._received = max(self._received, entered.received)
        try:
            given = read(rules.index, rules.paused, entered)
        except Exception as error:
            log.exception("matching_failed", event_ref=entered.ref)
            yield self._dead(rules, record, Reason.POISON, f"matching: {type(error).__name__}: {error}")
            return
        yield from self._matched(rules, record, given)

    def _matched(self, rules: Rules, record: Read, given: Input) -> Iterator[Outgoing]:
        immediate = [interest for interest in given.interests if interest.key is None]
        if immediate:
            yield from self._fire(rules, record, Input(given.event, immediate, given.trace))
        for interest in given.interests:
            if interest.key is not None:
                yield self._handed_on(rules, record, given.event, interest, interest.key)
        if given.trace:
            yield TraceRecord(given.event.key, given.trace).to(self._topology.traces)

    def _fire(self, rules: Rules, record: Read, given: Input) -> Iterator[Outgoing]:
        batch = Batch(rules.index.programs, StateBounds(), {}, [])
        batch.take(given)
        for found in batch.firings:
            yield from fired(self._topology, found, "match", rules.revision)
        for broken in batch.broken:
            yield self._dead(rules, record, Reason.POISON, told(broken))

    def _handed_on(self, rules: Rules, record: Read, event: Event, interest: Interest, cell: CellKey) -> Outgoing:
        match = MatchRecord(
            event=event,
            cell=cell,
            matches=interest.matches,
            trigger=interest.program.fingerprint,
            rules=rules.version,
        ).to(self._topology.matches)
        if match.fits:
            return match
        return self._dead(rules, record, Reason.TOO_LARGE, f"the match has {match.size} bytes")

    def _dead(self, rules: Rules, record: Read, code: str, reason: str) -> Outgoing:
        return DeadLetter.of(record, code, reason, "match", rules.revision).to(self._topology.dead_letters)

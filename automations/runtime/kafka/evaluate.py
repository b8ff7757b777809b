"""The stage that holds the state of a partition: from matches and ticks to firings."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import structlog

from automations.engine import CellKey, Program, StateBounds, self_starting_cell
from automations.engine.batch import Batch, Input, Interest, Trace
from automations.model.document import JsonObject
from automations.model.moment import SECOND
from automations.model.reason import Reason
from automations.runtime.kafka.cells import Cells
from automations.runtime.kafka.records import (
    CellRecord,
    DeadLetter,
    MatchRecord,
    Outgoing,
    Read,
    RecordError,
    StageName,
    Tick,
    TraceRecord,
    cell_bytes,
    kind_of,
    partition_of,
)
from automations.runtime.kafka.rules import Rules, RulesInForce
from automations.runtime.kafka.stage import Stage, fired, in_turns, told
from automations.runtime.kafka.topics import Topology

log = structlog.get_logger()

_FORGOTTEN_AT_ONCE: Final = 5_000
_SWEPT_AT_ONCE: Final = 1_000
_SWEEP_EVERY: Final = 3_600 * SECOND
_DUE_AT_ONCE: Final = 1_000
"""Cells that one tick evaluates; what is due beyond gets another tick."""

Changelog = AsyncIterable[Sequence[Read]]
Taken = tuple[Read, MatchRecord | Tick]


class EvaluateStage(Stage):
    """Works on one of the `partitions` of matches."""

    name: StageName = "evaluate"

    def __init__(
        self,
        topology: Topology,
        rules: RulesInForce,
        partition: int,
        partitions: int,
        changelog: Callable[[], Changelog],
        bounds: StateBounds,
    ) -> None:
        self._topology, self._rules, self._bounds = topology, rules, bounds
        self._partition, self._partitions = partition, partitions
        self._changelog = changelog
        self._cells = Cells()
        self._adopted: Rules | None = None
        self._unopened: list[CellKey] = []
        self._forgotten: dict[CellKey, None] = {}
        self._tick_sent = self._tick_seen = -1
        self._sweep = 0
        self.caught_up = False
        """False until a tick has left nothing due: what was missed before this worker came is judged as such."""

    # --- the partition asks --------------------------------------------------------------------------------

    async def restore(self) -> None:
        """Read the changelog."""
        async for records in self._changelog():
            for record in records:
                self._cells.restore(CellRecord.read(record))
        self._cells.restored()
        log.info("state_restored", partition=self._partition, cells=len(self._cells))

    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Evaluate matches in their cells, and let time pass at ticks."""
        taken, outgoing = self._taken(records)
        await self._rules.reach(max((i.rules for _, i in taken if isinstance(i, MatchRecord)), default=-1))
        rules = self._rules.current
        if rules is not self._adopted:
            self._adopt(rules)
        batch = self._batch(rules, [item for _, item in taken])
        async for some in in_turns(taken):
            for record, item in some:
                if isinstance(item, Tick):
                    self._tick(batch, item)
                else:
                    outgoing += self._take(rules, batch, record, item)
        async for firings in in_turns(batch.firings):
            for found in firings:
                outgoing += fired(self._topology, found, self.name, rules.revision)
        outgoing += self._kept(rules, batch)
        for record, item in taken:
            if isinstance(item, Tick):
                self._ticked(record.offset, item.at)
        return [*outgoing, *self._tombstones()]

    def _taken(self, records: Sequence[Read]) -> tuple[Sequence[Taken], list[Outgoing]]:
        """Read the records; what is no record of ours is a dead letter."""
        taken: list[Taken] = []
        dead: list[Outgoing] = []
        for record in records:
            try:
                ticks = (kind_of(record) or "").startswith("tick/")
                taken.append((record, (Tick if ticks else MatchRecord).read(record)))
            except RecordError as error:
                dead.append(self._dead(self._rules.current, record, error.code, error.message))
        return taken, dead

    # --- events --------------------------------------------------------------------------------------------

    def _batch(self, rules: Rules, items: Sequence[MatchRecord | Tick]) -> Batch:
        moments = [item.at for item in items if isinstance(item, Tick)]
        due = self._cells.take_due(max(moments), _DUE_AT_ONCE) if moments else []
        keys = {item.cell for item in items if isinstance(item, MatchRecord)}
        keys.update(self._unopened if moments else ())
        keys.update(key for _, key in due)
        return Batch(rules.index.programs, self._bounds, self._cells.load(list(keys)), due)

    def _take(self, rules: Rules, batch: Batch, record: Read, match: MatchRecord) -> Iterator[Outgoing]:
        trace: Trace = []
        program = rules.index.programs.get(match.cell[0])
        refusal = _refusal(rules, program, match)
        if program is None or refusal is not None:
            trace += [_step(match.cell[0], m.trigger, refusal) for m in match.matches]
        else:
            key = None if program.automation.stateless else match.cell
            batch.take(Input(match.event, [Interest(program, key, match.matches)], trace), others=False)
        while batch.broken:
            yield self._dead(rules, record, Reason.POISON, told(batch.broken.pop()))
        if trace:
            yield TraceRecord(match.event.key, trace).to(self._topology.traces)

    # --- time ----------------------------------------------------------------------------------------------

    def due(self) -> int | None:
        """The moment that a tick is wanted for; None where nothing waits, or where a tick is on its way."""
        if self._tick_sent > self._tick_seen:
            return None
        if self._unopened:
            return 0
        if not len(self._cells):
            return None
        deadline = self._cells.next_deadline()
        return self._sweep if deadline is None else min(deadline, self._sweep)

    def tick_sent(self, offset: int) -> None:
        """A tick stands in the log at `offset`."""
        self._tick_sent = offset

    def _tick(self, batch: Batch, tick: Tick) -> None:
        """A cell that broke is forgotten; its neighbours go on."""
        for key in self._unopened:
            batch.open(key, tick.at)
        self._unopened = []
        batch.tick(tick.at, downtime=tick.downtime)
        while batch.broken:
            told(batch.broken.pop())

    def _ticked(self, offset: int, moment: int) -> None:
        """The state after a tick is kept: only now another one may be due. What has been idle too long is looked
        for once an hour.
        """
        self._tick_seen = offset
        left = self._cells.next_deadline()
        self.caught_up = self.caught_up or left is None or left > moment
        if moment >= self._sweep:
            idle = self._cells.forget_idle(moment - self._bounds.state_retention, _SWEPT_AT_ONCE)
            self._forgotten |= dict.fromkeys(idle)
            self._sweep = moment if len(idle) == _SWEPT_AT_ONCE else moment + _SWEEP_EVERY

    # --- state ---------------------------------------------------------------------------------------------

    def _adopt(self, rules: Rules) -> None:
        """Use these rules from now on. State of automations that are gone, disabled or paused is forgotten: they
        start afresh. Automations that no event has to start begin with the next tick.
        """
        self._adopted = rules
        self._forgotten |= dict.fromkeys(self._cells.forget_but(rules.running))
        starting = (self_starting_cell(rules.index.programs[name]) for name in sorted(rules.running))
        self._unopened = [key for key in starting if key is not None and self._owns(key)]

    def _owns(self, key: CellKey) -> bool:
        return partition_of(cell_bytes(key), self._partitions) == self._partition

    def _kept(self, rules: Rules, batch: Batch) -> Iterator[Outgoing]:
        """The changelog's records of what changed. A cell that is too large for one is let go, and says so."""
        for cell in self._cells.save(batch.changed):
            self._forgotten.pop(cell.cell, None)
            record = cell.to(self._topology.state, self._partition)
            if not record.fits:
                yield self._let_go(rules, record)
                (cell,) = self._cells.save({cell.cell: (None, None)})
                record = cell.to(self._topology.state, self._partition)
            yield record

    def _tombstones(self) -> Iterator[Outgoing]:
        for key in list(islice(self._forgotten, _FORGOTTEN_AT_ONCE)):
            del self._forgotten[key]
            yield CellRecord(key, None).to(self._topology.state, self._partition)

    def _let_go(self, rules: Rules, record: Outgoing) -> Outgoing:
        reason = f"the state of a cell has {record.size} bytes, too large for a record: it was forgotten"
        log.error("cell_too_large", cell=record.key, size=record.size)
        letter = DeadLetter(Reason.TOO_LARGE, reason, self.name, rules.revision, record.key, None)
        return letter.to(self._topology.dead_letters)

    def _dead(self, rules: Rules, record: Read, code: str, reason: str) -> Outgoing:
        return DeadLetter.of(record, code, reason, self.name, rules.revision).to(self._topology.dead_letters)


def _refusal(rules: Rules, program: Program | None, match: MatchRecord) -> Reason | None:
    """Why a match that was made by earlier rules does not count by these."""
    if program is None or not program.automation.enabled or program.fingerprint != match.trigger:
        return Reason.RULE_CHANGED
    return Reason.PAUSED if match.cell[0] in rules.paused else None


def _step(automation: str, path: str, reason: Reason | None) -> JsonObject:
    return {"automation": automation, "trigger": path, "reason": reason}

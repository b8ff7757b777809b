"""Records of the cluster into rows of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

import orjson
import structlog

from automations.ingest import Limits
from automations.model.action import ActionRequest, FailedAction
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.ports import ActionOutcome, Transaction
from automations.ports import DeadLetter as StoredLetter
from automations.runtime.feed import Feed, event_message, firing_message
from automations.runtime.kafka.dead_letters import LetterRow
from automations.runtime.kafka.events import events_of
from automations.runtime.kafka.records import (
    ActionRecord,
    ClosedLetter,
    DeadLetter,
    FiringRecord,
    Read,
    RecordError,
    Result,
    TraceRecord,
    kind_of,
)
from automations.runtime.kafka.topics import Topology

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Projection:
    """Takes records, topic by topic. One that cannot be read says nothing here: whoever works on it makes a dead
    letter of it. `feed` is told what is new, once it is durable.
    """

    topology: Topology
    limits: Limits
    feed: Feed

    def take(self, tx: Transaction, topic: str, records: Sequence[Read]) -> None:
        """Take records of one partition, in order. NewerRecordError."""
        takes: Mapping[str, Callable[[Transaction, int, Sequence[Read]], None]] = {
            self.topology.actions: self._actions,
            self.topology.traces: self._traces,
            self.topology.results: self._results,
            self.topology.dead_letters: self._letters,
        }
        if topic == self.topology.events:
            self._events(tx, records)
            return
        for moment, together in groupby(records, attrgetter("timestamp")):
            takes[topic](tx, moment * 1_000, list(together))

    # --- topics --------------------------------------------------------------------------------------------

    def _events(self, tx: Transaction, records: Sequence[Read]) -> None:
        entered = [
            (each, orjson.dumps(each.to_dict()), (record.partition, record.offset))
            for record in records
            for each in events_of(record, self.limits)
            if isinstance(each, Event)
        ]
        for event in tx.add_waiting_events(entered):
            self._tell(tx, partial(event_message, event, []))

    def _actions(self, tx: Transaction, moment: int, records: Sequence[Read]) -> None:
        tx.add_planned([each.action for each in _read(ActionRecord.read, records)], moment)

    def _traces(self, tx: Transaction, moment: int, records: Sequence[Read]) -> None:
        firings = [record for record in records if kind_of(record) == FiringRecord.KIND]
        traces = [record for record in records if kind_of(record) != FiringRecord.KIND]
        found = {firing.id: firing.body for firing in _read(FiringRecord.read, firings)}
        for new in tx.add_firing_documents(list(found.values()), moment):
            self._tell(tx, partial(firing_message, found[new]))
        tx.add_traces([(trace.event, trace.steps) for trace in _read(TraceRecord.read, traces)], moment)

    def _results(self, tx: Transaction, _moment: int, records: Sequence[Read]) -> None:
        for result in _read(Result.read, records):
            tx.settle_action(_outcome(result))

    def _letters(self, tx: Transaction, moment: int, records: Sequence[Read]) -> None:
        for record in records:
            if not DeadLetter.stands_in(record):
                for closed in _read(ClosedLetter.read, [record]):
                    tx.close_letter(f"{record.partition}-{closed.offset}", closed.state, closed.redriven_as)
                continue
            for row in _read(self._row, [record]):
                action = _action_of(row, record)
                if isinstance(action, FailedAction):
                    tx.add_planned([action], moment)
                tx.add_letter(_stored(row), action.id if action else None)

    def _row(self, record: Read) -> LetterRow:
        return LetterRow.of(record, self.topology)

    def _tell(self, tx: Transaction, message: Callable[[], JsonObject]) -> None:
        if self.feed.watched:
            tx.after_commit(lambda: self.feed.publish(message()))


def _read(read: Callable[[Read], T], records: Sequence[Read]) -> Iterator[T]:
    for record in records:
        try:
            yield read(record)
        except RecordError as error:
            place = f"{record.topic}-{record.partition}-{record.offset}"
            log.warning("record_skipped", place=place, error=str(error))


def _outcome(result: Result) -> ActionOutcome:
    return ActionOutcome(
        action=result.action,
        sink=result.sink,
        state=result.state,
        at=result.at,
        attempts=result.attempts,
        reference=result.reference or None,
        code=result.code or None,
        error=result.reason or None,
    )


def _action_of(row: LetterRow, record: Read) -> ActionRequest | FailedAction | None:
    """The action that a letter is about."""
    if row.kind == "action":
        return next((read.action for read in _read(ActionRecord.read, [record])), None)
    return FailedAction(**orjson.loads(record.value or b"")) if row.kind == "failed-action" else None


def _stored(row: LetterRow) -> StoredLetter:
    return StoredLetter(
        id=row.id,
        kind="action" if row.kind in ("action", "failed-action") else "event",
        code=row.code,
        reason=row.reason,
        created=row.created,
        automation=row.automation,
        event=row.event,
    )

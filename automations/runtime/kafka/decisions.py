"""What somebody may decide about a dead letter, and what is sent for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from automations.engine.identity import redriven_id
from automations.errors import AutomationsError, ConflictError
from automations.runtime.kafka.dead_letters import LetterRow
from automations.runtime.kafka.records import (
    REDRIVEN_FROM,
    ActionRecord,
    ClosedLetter,
    DeadLetter,
    Outgoing,
    Read,
    RecordError,
)
from automations.runtime.kafka.topics import Topology


@dataclass(frozen=True, slots=True)
class Decided:
    """A letter that is closed now, and the record that was sent again."""

    letter: LetterRow
    closed: ClosedLetter
    sent: Outgoing | None = None


Outcome = Decided | AutomationsError
Decide = Callable[[LetterRow, Read, Topology], Outcome]


def discard(letter: LetterRow, _record: Read, _topology: Topology) -> Outcome:
    """Give a letter up for good."""
    return Decided(letter, ClosedLetter(letter.offset, "discarded"))


def redrive(letter: LetterRow, record: Read, topology: Topology) -> Outcome:
    """Send what a letter holds again: an action under a new id, as the one before is settled; anything else to the
    topic where it stood. ConflictError for what cannot be sent, RecordError for what is no action.
    """
    if letter.kind == "action":
        return _action(letter, record, topology)
    if letter.kind == "failed-action":
        return _refused("the action could not be rendered: there is nothing to send", _mend(letter))
    if letter.origin is None:
        return _refused("the state was too large and is forgotten: there is nothing to send", "discard it")
    if letter.origin.topic not in topology.inputs:
        mend = "discard it; where a mapping was at fault, mend that and have it sent again"
        return _refused(f"it stood on {letter.origin.topic!r}, a topic of others", mend)
    dead = DeadLetter.read(record)
    headers = dead.headers
    if all(name != REDRIVEN_FROM for name, _ in headers):
        headers = (*headers, *letter.origin.as_first())
    sent = Outgoing(letter.origin.topic, dead.key, dead.value, headers)
    return Decided(letter, ClosedLetter(letter.offset, "redriven"), sent)


def _action(letter: LetterRow, record: Read, topology: Topology) -> Outcome:
    try:
        action = ActionRecord.read(record).action
    except RecordError as error:
        return error
    again = replace(action, id=redriven_id(action.id, letter.id))
    return Decided(
        letter,
        ClosedLetter(letter.offset, "redriven", again.id),
        ActionRecord(again).to(topology.actions),
    )


def _mend(letter: LetterRow) -> str:
    event = f"the event {letter.event} again under a new id" if letter.event else "its events again under new ids"
    return f"mend the rule and publish it, then send {event}"


def _refused(message: str, hint: str) -> ConflictError:
    return ConflictError(message, code="not-redrivable", hint=hint)

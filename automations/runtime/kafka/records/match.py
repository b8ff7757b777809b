"""Matches, and the ticks between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import orjson

from automations.engine import CellKey, Match
from automations.model.event import Event
from automations.runtime.kafka.records.cell import cell_bytes
from automations.runtime.kafka.records.record import Outgoing, Read, as_record, header, json_of


@dataclass(frozen=True, slots=True)
class MatchRecord:
    """An event, for one cell of one automation. `trigger` is the automation's fingerprint, `rules` the version of
    the rules (an offset of their topic) that matched it.
    """

    KIND: ClassVar = "match/1"
    event: Event
    cell: CellKey
    matches: Sequence[Match]
    trigger: str
    rules: int

    def to(self, topic: str) -> Outgoing:
        """The record for the topic of matches."""
        value = {
            "event": self.event.to_dict(),
            "cell": self.cell,
            "matches": [(match.trigger, match.group) for match in self.matches],
            "trigger": self.trigger,
            "rules": self.rules,
        }
        return Outgoing(topic, cell_bytes(self.cell), orjson.dumps(value), header(self.KIND))

    @classmethod
    def read(cls, record: Read) -> MatchRecord:
        """Read a record; RecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            automation, group = data["cell"]
            return cls(
                event=Event.from_dict(data["event"]),
                cell=(automation, group),
                matches=[Match(automation, path, tuple(values)) for path, values in data["matches"]],
                trigger=data["trigger"],
                rules=data["rules"],
            )


@dataclass(frozen=True, slots=True)
class Tick:
    """Time, in the log of one partition of matches. `at` in microseconds; `downtime`: nobody kept time in this
    partition until now.
    """

    KIND: ClassVar = "tick/1"
    at: int
    downtime: bool = False

    def to(self, topic: str, partition: int) -> Outgoing:
        """The record for one partition of matches."""
        return Outgoing(topic, None, orjson.dumps(asdict(self)), header(self.KIND), partition)

    @classmethod
    def read(cls, record: Read) -> Tick:
        """Read a record; RecordError."""
        data = json_of(record, cls.KIND)
        with as_record(cls.KIND):
            return cls(at=int(data["at"]), downtime=bool(data["downtime"]))

"""Records, there and back; no broker is needed for these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as clients_murmur2
from hypothesis import given
from hypothesis import strategies as st

from automations.engine import Match
from automations.model.action import ActionRequest, FailedAction
from automations.model.event import Event
from automations.model.firing import Firing, FiringPart
from automations.model.reason import Reason
from automations.runtime.kafka.records import (
    ActionRecord,
    CellRecord,
    DeadLetter,
    EventRecord,
    FiringRecord,
    MatchRecord,
    NewerRecordError,
    Origin,
    Outgoing,
    Pause,
    RecordError,
    Result,
    Revision,
    RuleFile,
    Tick,
    TraceRecord,
    choose,
    header,
    kind_of,
    partition_of,
)
from automations.runtime.kafka.records.partitioning import murmur2

EVENT = Event("s", "1", "a", 1_000_000, 2_000_001, {"prefect.resource.id": "r"}, [], {"n": [1, None]}, None, 2)
REQUEST = ActionRequest("i", "f", "n", "call-webhook", "actions", 0, {"url": "u"}, {"/url": "{{ x }}"}, "s/1", 2)
FAILED = FailedAction("i", "f", "n", "call-webhook", "actions", 0, "undefined", "no 'x'", "s/1", 2)


@dataclass
class Record:
    """As a consumer hands it out."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Any
    partition: int = 3
    offset: int = 7
    timestamp: int = 0


def read(outgoing: Outgoing) -> Record:
    return Record(outgoing.topic, outgoing.key, outgoing.value, outgoing.headers)


MATCHES = [Match("rule", "trigger", ("x", 7, True)), Match("rule", "trigger.triggers.0", ())]
MATCH = MatchRecord(EVENT, ("rule", '["x"]'), MATCHES, "f00", 12)


@pytest.mark.parametrize(
    "record",
    [
        EventRecord(EVENT),
        ActionRecord(REQUEST),
        TraceRecord(("s", "1"), [{"automation": "n", "trigger": "trigger", "reason": "fired"}]),
        Result("i", "f", "n", "mine", "dead", 5, 3, "", "refused", "404"),
        DeadLetter("poison", "é", "match", "r1", b"k", b"\xff", (("theirs", b"\x00"),), Origin("t", 1, 2)),
        DeadLetter.of_action(FAILED, "evaluate", "r1"),
        RuleFile("deep/a.yaml", b"x: 1\n"),
        RuleFile("deep/a.yaml", None),
        Revision("r1", {"a.yaml": "d1"}),
        Pause("automation", 'with "quotes"/and slashes', True),
        Pause("work-pool", "p", False),
        FiringRecord("f", {"id": "f", "automation": "n"}),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_is_written_is_read(record: Any) -> None:
    assert type(record).read(read(record.to("topic"))) == record


@pytest.mark.parametrize(
    "record", [CellRecord(("rule", '["x"]'), b'{"n":1}', 5), CellRecord(("rule", "[]"), None)]
)
def test_a_cell_goes_to_the_partition_it_is_given(record: CellRecord) -> None:
    outgoing = record.to("state", 4)
    assert outgoing.partition == 4
    assert CellRecord.read(read(outgoing)) == record


def test_a_tick_has_no_key() -> None:
    outgoing = Tick(9, downtime=True).to("matches", 1)
    assert (outgoing.key, outgoing.partition) == (None, 1)
    assert Tick.read(read(outgoing)) == Tick(9, downtime=True)


def test_a_match_carries_the_event_and_what_wants_it() -> None:
    found = MatchRecord.read(read(MATCH.to("matches")))
    assert (found.event, found.cell, found.matches) == (EVENT, MATCH.cell, MATCHES)
    assert (found.trigger, found.rules) == ("f00", 12)


def test_the_matches_of_a_cell_and_its_state_share_a_partition() -> None:
    match, cell = MATCH.to("matches"), CellRecord(MATCH.cell, None).to("state", 0)
    assert match.key == cell.key is not None
    assert partition_of(cell.key, 8) in range(8)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_a_key_chooses_the_partition_that_java_chooses(key: bytes, hashed: int) -> None:
    assert partition_of(key, 64) == (hashed & 0x7FFFFFFF) % 64


@given(st.binary(max_size=64))
def test_keys_are_hashed_as_the_client_hashes_them(key: bytes) -> None:
    assert murmur2(key) == clients_murmur2(key) & 0xFFFFFFFF
    assert choose(key, range(7), range(7)) == DefaultPartitioner()(key, range(7), range(7))


def test_a_firing_names_its_events() -> None:
    part = FiringPart(1, {"x": "1"}, EVENT, (EVENT,), {"inner": FiringPart(1, {}, None, ())})
    firing = Firing("f", "n", "fire", 5, {"x": "1"}, EVENT, (EVENT,), 3, True, Reason.THROTTLED, {"0": part})
    body = FiringRecord.read(read(FiringRecord.of(firing).to("traces"))).body
    assert (body["event"], body["events"], body["count"], body["truncated"]) == (["s", "1"], [["s", "1"]], 3, True)
    assert body["reason"] == "throttled"
    assert body["parts"]["0"]["parts"]["inner"]["event"] is None


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ((), RecordError),
        ((("automations", b"match/2"),), NewerRecordError),
        ((("automations", b"something"),), RecordError),
        ((("automations", None),), RecordError),
    ],
)
def test_a_record_of_another_kind_is_told_from_one_of_a_newer_version(
    headers: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        MatchRecord.read(Record("matches", b"k", b"{}", headers))


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b'{"cell": 1, "event": {}}'])
@pytest.mark.parametrize("kind", [MatchRecord, EventRecord, Tick])
def test_a_value_that_is_no_such_record_is_an_error_with_a_code(value: bytes | None, kind: Any) -> None:
    with pytest.raises(RecordError) as caught:
        kind.read(Record("matches", b"k", value, header(kind.KIND)))
    assert caught.value.code == "bad-record"


def test_a_redriven_record_tells_where_and_when_it_stood_first() -> None:
    record = Record("shop.orders-eu-7", b"k", b"v", (), timestamp=1_767_225_600_000)
    origin = Origin("shop.orders-eu-7", 3, 7, 1_767_225_600_000)
    assert (
        Origin.first(record) == DeadLetter.read(read(DeadLetter.of(record, "a", "b", "match", "r").to("d"))).origin
    )
    assert Origin.first(Record("t", b"k", b"v", origin.as_first())) == origin
    assert Origin.first(Record("t", b"k", b"v", (("automations-redriven-from", b"no place"),))).topic == "t"


def test_a_dead_letter_of_a_redriven_record_tells_of_the_last_time_alone() -> None:
    first = read(DeadLetter.of(Record("t", b"k", b"v", (("x", b"y"),)), "a", "b", "match", "r").to("dead"))
    again = read(DeadLetter.of(first, "c", "d", "evaluate", "r").to("dead"))
    letter = DeadLetter.read(again)
    assert (letter.code, letter.stage, letter.headers) == ("c", "evaluate", (("x", b"y"),))
    assert kind_of(again) is None


def test_the_largest_record_that_fits_is_known_before_it_is_sent() -> None:
    assert Outgoing("t", b"k", b"x" * 1_000_000).fits
    assert not Outgoing("t", b"k", b"x" * 5_000_000).fits

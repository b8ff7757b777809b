"""What the stages make of records that are late, broken, foreign or too large, and of rules that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka.audit import until
from kafka.scenario import Scenario, running, send

from automations.engine import Index, compile_rules
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.moment import DAY, SECOND
from automations.model.ruleset import RuleSet
from automations.runtime.kafka.records import EventRecord, Outgoing, TraceRecord, header, kind_of
from automations.runtime.kafka.rules import Rules
from automations.runtime.kafka.topics import MAX_RECORD_BYTES, Topology, create

NOW = 1_767_225_600 * SECOND
CALL = {"type": "call-webhook", "url": "http://localhost/"}
IMMEDIATE = {"name": "now", "trigger": {"expect": "a"}, "actions": [CALL]}
PAIR = {"name": "pair", "trigger": {"expect": "a", "threshold": 2, "within": 60}, "actions": [CALL]}
BEAT = {"name": "beat", "trigger": {"expect": "beat", "posture": "Proactive", "within": 60}, "actions": []}


def compiled(*documents: dict[str, Any]) -> Index:
    return compile_rules(RuleSet(tuple(Automation.model_validate(document) for document in documents)))


def event(number: int, name: str = "a", at: int = NOW, **payload: Any) -> Event:
    return Event("t", str(number), name, at, at, {"prefect.resource.id": "r"}, payload=payload)


@pytest.fixture
async def scenario(kafka: str, topology: Topology) -> Scenario:
    await create(kafka, topology)
    return Scenario(kafka, topology, compiled(IMMEDIATE, PAIR))


@pytest.fixture
async def producer(scenario: Scenario) -> AsyncIterator[AIOKafkaProducer]:
    async with running(scenario) as producer:
        yield producer


async def fired(scenario: Scenario) -> list[str]:
    return sorted(body["automation"] for body in await scenario.audit.firings())


async def reasons(scenario: Scenario, identity: str) -> list[tuple[str, str]]:
    records = await scenario.audit.records(scenario.topology.traces)
    traces = [TraceRecord.read(record) for record in records if kind_of(record) == TraceRecord.KIND]
    return [(step["automation"], step["reason"]) for t in traces if t.event == ("t", identity) for step in t.steps]


def to_events(scenario: Scenario, value: bytes, **headers: str) -> Outgoing:
    raw = tuple((name.replace("_", "-"), text.encode()) for name, text in headers.items())
    return Outgoing(scenario.topology.events, b"key", value, raw, partition=0)


# --- events --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"no json", "bad-json"),
        (b'{"event": "a"}', "missing-field"),
        (b'{"event": "a", "event": "b", "resource": {"id": "r"}}', "duplicate-key"),
        (b"", "bad-json"),
    ],
)
async def test_what_is_no_event_is_a_dead_letter_and_its_neighbours_go_on(
    scenario: Scenario, producer: AIOKafkaProducer, value: bytes, code: str
) -> None:
    await send(producer, to_events(scenario, value, their_header="x"))
    await scenario.feed(producer, [event(1)])
    (letter,) = await scenario.audit.dead_letters()
    assert (letter.code, letter.stage, letter.value, letter.key) == (code, "match", value, b"key")
    assert letter.headers == (("their-header", b"x"),)
    assert letter.origin is not None
    assert (letter.origin.topic, letter.origin.offset) == (scenario.topology.events, 0)
    assert await fired(scenario) == ["now"]


async def test_a_record_without_key_and_value_is_a_dead_letter(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None)
    await (await producer.send_batch(batch, scenario.topology.events, partition=0))
    await scenario.audit.drained()
    (letter,) = await scenario.audit.dead_letters()
    assert (letter.code, letter.key, letter.value) == ("bad-json", None, b"")


async def test_a_foreign_event_gets_its_place_as_id_and_its_time_from_the_record(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    await send(producer, to_events(scenario, orjson.dumps([{"event": "a", "resource": {"id": "r"}}] * 2)))
    await scenario.audit.drained()
    place = f"{scenario.topology.events}-0-0"
    (record,) = await scenario.audit.records(scenario.topology.events)
    found = [body for body in await scenario.audit.firings() if body["automation"] == "now"]
    source = f"kafka:{scenario.topology.events}"
    assert sorted(body["event"] for body in found) == [[source, place], [source, f"{place}-1"]]
    assert {body["at"] for body in found} == {record.timestamp * 1_000}


async def test_a_cloud_event_is_known_by_its_content_type(scenario: Scenario, producer: AIOKafkaProducer) -> None:
    cloud = {"specversion": "1.0", "id": "7", "source": "/mine", "type": "a", "subject": "r"}
    content = "application/cloudevents+json"
    await send(producer, to_events(scenario, orjson.dumps(cloud), content_type=content))
    await scenario.audit.drained()
    assert (await scenario.audit.firings())[0]["event"] == ["/mine", "7"]


async def test_a_cloud_event_s_attributes_may_stand_in_headers(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    attributes = {"ce_specversion": "1.0", "ce_id": "7", "ce_source": "/mine", "ce_type": "a", "ce_subject": "r"}
    headers = [(name, value.encode()) for name, value in attributes.items()]
    await send(producer, replace(to_events(scenario, b'{"n": 1}'), headers=headers))
    await scenario.audit.drained()
    assert (await scenario.audit.firings())[0]["event"] == ["/mine", "7"]


async def test_a_record_of_a_newer_version_ends_the_worker_and_is_not_passed_over(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    record = EventRecord(event(1)).to(scenario.topology.events)
    await send(producer, replace(record, headers=header("event/2"), partition=0))
    (failure,) = await scenario.failures()
    assert getattr(failure, "code", None) == "newer-record"
    assert await scenario.audit.lag("match") == 1


async def test_an_event_that_breaks_matching_is_a_dead_letter(
    scenario: Scenario, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = Index.reach

    def breaking(index: Index, given: Event) -> object:
        if given.id == "2":
            raise ZeroDivisionError("broken")
        return reach(index, given)

    monkeypatch.setattr(Index, "reach", breaking)
    await scenario.feed(producer, [event(1), event(2), event(3)])
    (letter,) = await scenario.audit.dead_letters()
    assert (letter.code, letter.reason) == ("poison", "matching: ZeroDivisionError: broken")
    assert await fired(scenario) == ["now", "now", "pair"]


async def test_an_action_that_is_too_large_for_a_record_is_dead_and_its_firing_is_told(
    kafka: str, topology: Topology
) -> None:
    await create(kafka, topology)
    body = {"all": ["{{ event.payload.text }}"] * 80}
    scenario = Scenario(kafka, topology, compiled({**IMMEDIATE, "actions": [{**CALL, "body": body}, CALL]}))
    async with running(scenario) as producer:
        await scenario.feed(producer, [event(1, text="x" * 60_000)])
    assert await fired(scenario) == ["now"]
    (letter,) = await scenario.audit.dead_letters()
    assert (letter.code, letter.origin, kind_of_letter(letter.headers)) == ("too-large", None, "failed-action/1")
    assert [action.index for action in await scenario.audit.actions()] == [1]


async def test_a_match_that_is_too_large_for_a_record_is_a_dead_letter(kafka: str, topology: Topology) -> None:
    await create(kafka, topology)
    paths = [f"payload.{key}" for key in "abcdef"]
    scenario = Scenario(kafka, topology, compiled({**PAIR, "trigger": {**PAIR["trigger"], "for_each": paths}}))  # type: ignore[dict-item]
    async with running(scenario) as producer:
        big = event(1, **dict.fromkeys("abcdef", '"' * 140000))
        await scenario.feed(producer, [big])
    (letter,) = await scenario.audit.dead_letters()
    assert (letter.code, letter.stage) == ("too-large", "match")
    assert len(letter.value or b"") < MAX_RECORD_BYTES


def kind_of_letter(headers: Any) -> str:
    return dict(headers)["automations"].decode()  # type: ignore[no-any-return]


# --- rules that change ---------------------------------------------------------------------------------------


async def test_progress_outlives_an_edit_that_does_not_touch_the_trigger(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    await scenario.feed(producer, [event(1)])
    scenario.use(compiled(IMMEDIATE, {**PAIR, "description": "edited", "actions": []}))
    await scenario.feed(producer, [event(2)])
    assert await fired(scenario) == ["now", "now", "pair"]


async def test_an_edited_trigger_starts_afresh(scenario: Scenario, producer: AIOKafkaProducer) -> None:
    await scenario.feed(producer, [event(1)])
    scenario.use(compiled({**PAIR, "trigger": {**PAIR["trigger"], "within": 61}}))  # type: ignore[dict-item]
    await scenario.feed(producer, [event(2)])
    assert await fired(scenario) == ["now"]


@pytest.mark.parametrize(
    "edit", [None, {"enabled": False}, {"trigger": {"expect": "a", "threshold": 3, "within": 60}}]
)
async def test_a_match_by_a_trigger_that_is_gone_is_dropped_and_says_why(
    kafka: str, topology: Topology, edit: dict[str, Any] | None
) -> None:
    await create(kafka, topology)
    scenario = Scenario(kafka, topology, compiled(PAIR))
    async with scenario.cluster.producer() as producer:
        await scenario.start("match")
        await send(producer, replace(EventRecord(event(1)).to(topology.events), partition=0))
        await scenario.audit.drained("match")
        scenario.use(compiled({**PAIR, **edit}) if edit else compiled(IMMEDIATE))
        await scenario.start("evaluate")
        await scenario.audit.drained()
    await scenario.stop()
    assert await reasons(scenario, "1") == [("pair", "rule-changed")]
    assert await scenario.audit.cells() == {}


async def test_state_of_an_automation_that_is_gone_is_forgotten_in_the_changelog_too(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    await scenario.feed(producer, [event(1)])
    assert len(await scenario.audit.cells()) == 1
    scenario.use(compiled(IMMEDIATE))
    await until(lambda: forgotten(scenario))


async def test_a_paused_automation_is_not_reached_and_starts_afresh(
    scenario: Scenario, producer: AIOKafkaProducer
) -> None:
    await scenario.feed(producer, [event(1)])
    rules = scenario.rules
    scenario.rules.current = replace(rules.current, pauses=frozenset({("automation", "pair")}), version=1)
    await scenario.feed(producer, [event(2)])
    assert ("pair", "paused") in await reasons(scenario, "2")
    await until(lambda: forgotten(scenario))
    scenario.rules.current = Rules(rules.current.index, version=2)
    await scenario.feed(producer, [event(3)])
    assert await fired(scenario) == ["now", "now", "now"]


async def forgotten(scenario: Scenario) -> bool:
    return await scenario.audit.cells() == {}


# --- time ----------------------------------------------------------------------------------------------------


async def test_an_event_of_one_group_does_not_let_time_pass_in_another(kafka: str, topology: Topology) -> None:
    """Another partition of events may lag behind: only ticks say how far time has certainly passed."""
    await create(kafka, topology)
    scenario = Scenario(kafka, topology, compiled(BEAT, {**PAIR, "trigger": {**PAIR["trigger"], "expect": "*"}}))  # type: ignore[dict-item]
    async with running(scenario) as producer:
        await scenario.tick(producer, NOW)
        await scenario.feed(producer, [event(1, at=NOW + 300 * SECOND)])
        assert await fired(scenario) == []
        await scenario.tick(producer, NOW + 60 * SECOND)
        assert await fired(scenario) == ["beat"]


async def test_more_cells_than_one_tick_takes_are_due_until_all_are_judged(kafka: str, topology: Topology) -> None:
    await create(kafka, topology)
    quiet = {"quiet": 1}
    rule = {"name": "q", "trigger": {"expect": "a", "for_each": ["payload.n"]}, "debounce": quiet, "actions": []}
    scenario = Scenario(kafka, topology, compiled(rule))
    async with running(scenario) as producer:
        for number in range(2_500):
            record = EventRecord(event(number, n=number)).to(topology.events)
            await producer.send(record.topic, record.value, record.key, 0, headers=list(record.headers))
        await producer.flush()
        await scenario.audit.drained()
        await scenario.tick(producer, NOW + 10 * SECOND)
        assert await fired(scenario) == ["q"] * 2_000
        await scenario.tick(producer, NOW + 10 * SECOND)
        assert await fired(scenario) == ["q"] * 2_500


async def test_idle_state_is_forgotten_after_its_retention(scenario: Scenario, producer: AIOKafkaProducer) -> None:
    await scenario.feed(producer, [event(1)])
    await scenario.tick(producer, NOW + 29 * DAY)
    assert len(await scenario.audit.cells()) == 1
    await scenario.tick(producer, NOW + 31 * DAY)
    assert await scenario.audit.cells() == {}

"""Dead letters on their topic: told, sent again once, given up."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.errors import KafkaError
from kafka.audit import Audit, repeated
from kafka.broker import ROOT
from kafka.commands import run
from kafka.scenario import Scenario, running, send
from running import clean_environment

from automations.engine import Index, batch, compile_rules
from automations.engine.identity import redriven_id
from automations.errors import AutomationsError
from automations.model.action import ActionRequest, FailedAction
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.moment import SECOND
from automations.model.ruleset import RuleSet
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.dead_letters import DeadLetters
from automations.runtime.kafka.deciding import DecidedElsewhereError, deciding
from automations.runtime.kafka.decisions import Decide, Decided, Outcome, discard, redrive
from automations.runtime.kafka.records import (
    REDRIVEN_FROM,
    ActionRecord,
    ClosedLetter,
    DeadLetter,
    Origin,
    Outgoing,
    TraceRecord,
    header,
    kind_of,
)
from automations.runtime.kafka.topics import Topology, create

NOW = 1_767_225_600 * SECOND
CALL = {"type": "call-webhook", "url": "http://localhost/"}
IMMEDIATE = {"name": "now", "trigger": {"expect": "a"}, "actions": [CALL]}
PAIR = {"name": "pair", "trigger": {"expect": "a", "threshold": 2, "within": 60}, "actions": [CALL]}
BAD_RECORD = orjson.dumps([{"event": "a", "resource": {"id": "r"}}, {"event": "a"}])


def compiled(*documents: dict[str, Any]) -> Index:
    return compile_rules(RuleSet(tuple(Automation.model_validate(document) for document in documents)))


def event(number: int) -> Event:
    return Event("t", str(number), "a", NOW, NOW, {"prefect.resource.id": "r"})


def action(number: int, automation: str = "repair") -> ActionRequest:
    body = {"url": "http://localhost/"}
    return ActionRequest(f"a{number}", f"f{number}", automation, "call-webhook", "actions", 0, body, {}, "t/1", 2)


def dead_action(topology: Topology, number: int, automation: str = "repair", code: str = "refused") -> Outgoing:
    """As dispatch writes it."""
    record = ActionRecord(action(number, automation)).to(topology.actions)
    letter = DeadLetter(
        code,
        "404",
        "dispatch",
        "r1",
        record.key,
        record.value,
        record.headers,
        Origin(topology.actions, 0, number),
    )
    return letter.to(topology.dead_letters)


FAILED = FailedAction("i", "f", "repair", "call-webhook", "actions", 0, "undefined", "no 'x'", "t/1", 2)
UNCAUSED = replace(FAILED, cause=None)
ELSEWHERE = Origin("elsewhere", 0, 0)


@pytest.fixture
async def scenario(kafka: str, topology: Topology) -> Scenario:
    single = replace(topology, partitions=1)
    await create(kafka, single)
    return Scenario(kafka, single, compiled(IMMEDIATE, PAIR))


@pytest.fixture
async def letters(kafka: str, topology: Topology) -> DeadLetters:
    await create(kafka, topology)
    return DeadLetters(Cluster(kafka), topology)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A producer that is fenced leaves futures behind that nobody asks; asyncio tells when they are collected."""
    with caplog.at_level(logging.CRITICAL, "asyncio"):
        yield
        gc.collect()


async def write(kafka: str, *records: Outgoing) -> None:
    async with Cluster(kafka).producer() as producer:
        for delivery in [
            await producer.send(r.topic, r.value, r.key, r.partition, headers=list(r.headers)) for r in records
        ]:
            await delivery


async def decide(kafka: str, topology: Topology, how: Decide, *identities: str) -> dict[str, Outcome]:
    async with deciding(Cluster(kafka), topology) as begun:
        return {letter: outcome async for letter, outcome in begun.decide(identities, how)}


async def redrive_all(scenario: Scenario) -> None:
    rows = await DeadLetters(scenario.cluster, scenario.topology).rows("open")
    made = await decide(scenario.cluster.bootstrap, scenario.topology, redrive, *[row.id for row in rows])
    assert all(isinstance(outcome, Decided) for outcome in made.values()), made
    await scenario.audit.drained()


async def fired(scenario: Scenario) -> list[str]:
    return sorted(body["automation"] for body in await scenario.audit.firings())


async def steps(scenario: Scenario, identity: str) -> list[tuple[str, str]]:
    records = await scenario.audit.records(scenario.topology.traces)
    traces = [TraceRecord.read(record) for record in records if kind_of(record) == TraceRecord.KIND]
    return [(step["automation"], step["reason"]) for t in traces if t.event[1] == identity for step in t.steps]


# --- events and matches --------------------------------------------------------------------------------------


async def test_an_event_that_broke_matching_counts_when_it_is_sent_again(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = Index.reach

    def breaking(index: Index, given: Event) -> object:
        if given.id == "2":
            raise ZeroDivisionError("broken")
        return reach(index, given)

    async with running(scenario) as producer:
        with monkeypatch.context() as patched:
            patched.setattr(Index, "reach", breaking)
            await scenario.feed(producer, [event(1), event(2)])
        assert await fired(scenario) == ["now"]
        await redrive_all(scenario)
    assert await fired(scenario) == ["now", "now", "pair"]


async def test_a_match_that_broke_counts_when_it_is_sent_again(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = batch.evaluate

    def breaking(program: Any, state: Any, given: Event, *rest: Any) -> Any:
        if given.id == "2" and program.automation.name == "pair":
            raise ZeroDivisionError("broken")
        return evaluate(program, state, given, *rest)

    async with running(scenario) as producer:
        with monkeypatch.context() as patched:
            patched.setattr(batch, "evaluate", breaking)
            await scenario.feed(producer, [event(1), event(2)])
        assert await fired(scenario) == ["now", "now"]
        (row,) = await DeadLetters(scenario.cluster, scenario.topology).rows("open")
        assert (row.kind, row.stage, row.automation, row.event) == ("match", "evaluate", "pair", "t/2")
        await redrive_all(scenario)
    assert await fired(scenario) == ["now", "now", "pair"]


async def test_what_has_counted_its_neighbour_does_not_count_it_twice(scenario: Scenario) -> None:
    """A record of others with a good event and a bad one: the place where it stood first is the good one's id."""
    topology = scenario.topology
    place = f"{topology.events}-0-0"
    async with running(scenario) as producer:
        await send(producer, Outgoing(topology.events, b"k", BAD_RECORD, (("theirs", b"x"),)))
        await scenario.audit.drained()
        await redrive_all(scenario)
        await redrive_all(scenario)
        first, *sent = await scenario.audit.records(topology.events)
        origin = f"{place}@{first.timestamp}".encode()
        again = (b"k", BAD_RECORD, (("theirs", b"x"), (REDRIVEN_FROM, origin)))
        assert [(record.key, record.value, record.headers) for record in sent] == [again, again]
    taken = [("now", "fired"), ("pair", "counted")]
    assert sorted(await steps(scenario, place)) == sorted([*taken, *[("now", "fired"), ("pair", "duplicate")] * 2])
    assert len({(body["id"], body["at"]) for body in await scenario.audit.firings()}) == 1


# --- actions -------------------------------------------------------------------------------------------------


async def test_an_action_is_sent_again_under_a_new_id_and_its_letter_is_closed(
    kafka: str, topology: Topology, letters: DeadLetters
) -> None:
    await write(kafka, dead_action(topology, 1))
    (row,) = await letters.rows("open")
    assert (row.kind, row.code, row.automation, row.event) == ("action", "refused", "repair", "t/1")
    await decide(kafka, topology, redrive, row.id)
    wanted = redriven_id("a1", row.id)
    (sent,) = await Audit(kafka, topology).records(topology.actions)
    assert ActionRecord.read(sent).action == replace(action(1), id=wanted)
    assert sent.key == b"f1"
    (closed,) = await letters.rows(None)
    assert closed == replace(row, closed=ClosedLetter(row.offset, "redriven", wanted))
    assert await letters.rows("open") == []
    assert await letters.rows("redriven") == [closed]


async def test_a_letter_is_decided_once(kafka: str, topology: Topology, letters: DeadLetters) -> None:
    await write(kafka, dead_action(topology, 1))
    (row,) = await letters.rows("open")
    for first, then in ((discard, redrive), (redrive, discard)):
        await decide(kafka, topology, first, row.id)
        made = await decide(kafka, topology, then, row.id)
        assert getattr(made[row.id], "code", None) == "not-open"
    assert await Audit(kafka, topology).actions() == []
    assert [row.state for row in await letters.rows(None)] == ["discarded"]


async def test_an_id_that_is_named_twice_is_sent_once(
    kafka: str, topology: Topology, letters: DeadLetters
) -> None:
    await write(kafka, dead_action(topology, 1))
    (row,) = await letters.rows("open")
    await decide(kafka, topology, redrive, row.id, row.id, f"0{row.id}")
    assert len(await Audit(kafka, topology).actions()) == 1


@pytest.mark.parametrize(
    ("letter", "code", "hint"),
    [
        (
            DeadLetter.of_action(FAILED, "match", "r"),
            "not-redrivable",
            "mend the rule and publish it, then send the",
        ),
        (DeadLetter.of_action(FAILED, "match", "r"), "not-redrivable", "send the event t/1 again under a new id"),
        (DeadLetter.of_action(UNCAUSED, "match", "r"), "not-redrivable", "send its events again under new ids"),
        (DeadLetter("too-large", "x", "evaluate", "r", b'["pair","[]"]', None), "not-redrivable", "discard it"),
        (DeadLetter("x", "y", "match", "r", b"", b"{}", (), ELSEWHERE), "not-redrivable", "discard it"),
        (DeadLetter("x", "y", "dispatch", "r", b"", b"{}", header("action/1")), "bad-record", ""),
    ],
)
async def test_what_cannot_be_sent_again_says_why_and_keeps_nothing_back(
    kafka: str, topology: Topology, letters: DeadLetters, letter: DeadLetter, code: str, hint: str
) -> None:
    await write(
        kafka, *[replace(r, partition=0) for r in (letter.to(topology.dead_letters), dead_action(topology, 1))]
    )
    made = await decide(kafka, topology, redrive, "0-0", "0-1", "0-2", "9-0", "nonsense")
    refused = {letter: outcome for letter, outcome in made.items() if isinstance(outcome, AutomationsError)}
    assert {letter: error.code for letter, error in refused.items()} == {
        "0-0": code, "0-2": "not-found", "9-0": "not-found", "nonsense": "not-found",
    }  # fmt: skip
    assert hint in (refused["0-0"].hint or "")
    assert len(await Audit(kafka, topology).actions()) == 1
    assert [row.id for row in await letters.rows("open")] == ["0-0"]


async def test_what_is_no_letter_on_the_topic_is_passed_over(
    kafka: str, topology: Topology, letters: DeadLetters
) -> None:
    of_others = Outgoing(topology.dead_letters, b"k", b"v", (("dead-letter.code", b"x"),))
    nothing = Outgoing(topology.dead_letters, b"k", None)
    lonely = ClosedLetter(99, "redriven").to(topology.dead_letters, 0)
    await write(kafka, of_others, nothing, lonely, dead_action(topology, 1))
    assert len(await letters.rows(None)) == 1


async def test_the_newest_letter_comes_first(kafka: str, topology: Topology, letters: DeadLetters) -> None:
    async with Cluster(kafka).producer() as producer:
        for number in (1, 3, 2):
            record = dead_action(topology, number)
            await producer.send_and_wait(
                record.topic, record.value, record.key, headers=list(record.headers), timestamp_ms=number
            )
    assert [row.created for row in await letters.rows(None)] == [3_000, 2_000, 1_000]


async def test_many_letters_are_sent_again_each_once(kafka: str, topology: Topology, letters: DeadLetters) -> None:
    await write(kafka, *[dead_action(topology, number) for number in range(3_000)])
    rows = await letters.rows("open")
    assert len({row.id for row in rows}) == 3_000
    made = await decide(kafka, topology, redrive, *[row.id for row in rows])
    assert len(made) == 3_000
    sent = [each.id for each in await Audit(kafka, topology).actions()]
    assert len(sent) == 3_000
    assert repeated(sent) == []
    assert await letters.rows("open") == []


# --- two at once, crashes ------------------------------------------------------------------------------------


async def test_who_begins_to_decide_ends_whoever_did(kafka: str, topology: Topology, letters: DeadLetters) -> None:
    await write(kafka, dead_action(topology, 1))
    (row,) = await letters.rows("open")
    async with deciding(Cluster(kafka), topology) as first, deciding(Cluster(kafka), topology) as second:
        with pytest.raises(DecidedElsewhereError):
            [outcome async for outcome in first.decide([row.id], redrive)]
        assert len([outcome async for outcome in second.decide([row.id], redrive)]) == 1
    assert len(await Audit(kafka, topology).actions()) == 1


async def test_of_two_who_decide_at_once_each_letter_is_sent_by_one(
    kafka: str, topology: Topology, letters: DeadLetters
) -> None:
    await write(kafka, *[dead_action(topology, number) for number in range(100)])
    identities = [row.id for row in await letters.rows("open")]

    async def until_nothing_is_open() -> int:
        """Returns how many this one has sent, by what it was told."""
        nonlocal unknown
        told = 0
        while await letters.rows("open"):
            try:
                async with deciding(Cluster(kafka), topology) as begun:
                    async for _, outcome in begun.decide(identities, redrive):
                        told += isinstance(outcome, Decided)
            except DecidedElsewhereError:
                continue
            except KafkaError:  # a broker may fail to tell a fenced producer how its transaction ended
                unknown = True
        return told

    unknown = False
    told = await asyncio.gather(*[until_nothing_is_open() for _ in range(2)])
    sent = [each.id for each in await Audit(kafka, topology).actions()]
    assert repeated(sent) == []
    assert len(sent) == 100
    assert unknown or sum(told) == 100


@pytest.mark.parametrize(("point", "done"), [("before-begin", 0), ("before-commit", 0), ("after-commit", 1)])
async def test_a_crash_neither_loses_nor_doubles(
    kafka: str, topology: Topology, letters: DeadLetters, point: str, done: int
) -> None:
    await write(kafka, dead_action(topology, 1))
    (row,) = await letters.rows("open")
    script = f"""if True:
        import sys
        from kafka.worker_main import crash_at
        crash_at({point!r}, 1)
        sys.argv = ["automations", "dead-letters", "redrive", {row.id!r}, "--kafka", {kafka!r}]
        from automations.cli import main
        main()
    """
    path = f"{ROOT}:{ROOT / 'tests'}"
    environment = clean_environment(PYTHONPATH=path, AUTOMATIONS_KAFKA_PREFIX=topology.prefix)
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == -9
    made = await decide(kafka, topology, redrive, row.id)
    assert isinstance(made[row.id], Decided) is not bool(done)
    assert len(await Audit(kafka, topology).actions()) == 1
    assert await letters.rows("open") == []


# --- commands ------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, topology: Topology) -> Path:
    (tmp_path / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n')
    return tmp_path


Letters = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def command(kafka: str, topology: Topology, letters: DeadLetters, project: Path) -> Letters:
    """The commands, on five letters of one partition."""
    no_event = DeadLetter("bad-json", "no JSON", "match", "r", None, b"\xff", (), Origin(topology.events, 1, 7))
    dead = [
        dead_action(topology, 1),
        dead_action(topology, 2, code="exhausted"),
        dead_action(topology, 3, automation="other"),
        dead_action(topology, 4),
        no_event.to(topology.dead_letters),
    ]
    await write(kafka, *[replace(record, partition=0) for record in dead])
    assert len(await letters.rows("open")) == 5
    return lambda *arguments: run(project, "dead-letters", *arguments, "--kafka", kafka)


def test_letters_are_listed_as_those_of_an_engine(command: Letters) -> None:
    titles, *lines = command("ls").stdout.splitlines()
    assert titles.split() == ["ID", "KIND", "CODE", "AUTOMATION", "CREATED", "REASON"]
    assert [line.split()[0] for line in lines] == ["0-4", "0-3", "0-2", "0-1", "0-0"]
    assert len(command("ls", "--limit", "2").stdout.splitlines()) == 3


def test_a_letter_is_shown_with_its_content(command: Letters, topology: Topology) -> None:
    shown = json.loads(command("inspect", "0-0", "--json").stdout)
    assert shown["value"] == action(1).to_dict()
    assert {key: shown[key] for key in ("id", "kind", "stage", "state", "origin", "key", "event")} == {
        "id": "0-0",
        "kind": "action",
        "stage": "dispatch",
        "state": "open",
        "origin": {"topic": topology.actions, "partition": 0, "offset": 1, "timestamp": 0},
        "key": "f1",
        "event": "t/1",
    }
    assert json.loads(command("inspect", "0-4", "--json").stdout)["value"] == "\\xff"
    missing = command("inspect", "0-99")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "[not-found] there is no dead letter '0-99'" in missing.stderr


def test_letters_are_redriven_by_id_or_all_that_fit(command: Letters, topology: Topology) -> None:
    ids = {number: redriven_id(f"a{number}", f"0-{number - 1}") for number in range(1, 5)}
    done = command("redrive", "--all", "--code", "exhausted", "--json")
    assert json.loads(done.stdout) == {"dead_letter": "0-1", "action": ids[2], "topic": topology.actions}
    again = command("redrive", "0-1", "0-2")
    assert (again.returncode, again.stdout.split()) == (1, [ids[3]])
    assert "0-1: [not-open] the dead letter '0-1' is redriven already" in again.stderr
    chosen = command("redrive", "--all", "--automation", "repair")
    assert (chosen.returncode, chosen.stdout.split(), chosen.stderr) == (0, [ids[1], ids[4]], "")
    rest = command("redrive", "--all")
    assert (rest.returncode, rest.stdout.split()) == (0, [topology.events])
    assert command("redrive", "--all").returncode == 0


def test_letters_are_given_up_and_stay_on_record(command: Letters) -> None:
    given_up = command("discard", "0-0", "0-7", "--json")
    assert given_up.returncode == 1
    assert json.loads(given_up.stdout)["state"] == "discarded"
    listed = [json.loads(line) for line in command("ls", "--state", "all", "--json").stdout.splitlines()]
    opened = dict.fromkeys(("0-1", "0-2", "0-3", "0-4"), "open")
    assert {line["id"]: line["state"] for line in listed} == {"0-0": "discarded", **opened}
    assert len(command("ls", "--json").stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["redrive"], "name dead letters, or all of them by --all"),
        (["redrive", "0-1", "--all"], "name dead letters, or all of them by --all"),
        (["redrive", "0-1", "--code", "x"], "--code and --automation choose among --all"),
    ],
)
def test_what_is_to_be_redriven_is_named_in_one_way(project: Path, arguments: list[str], message: str) -> None:
    done = run(project, "dead-letters", *arguments, "--kafka", "127.0.0.1:1")
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments", [["ls"], ["inspect", "0-0"], ["redrive", "0-0"], ["redrive", "--all"], ["discard", "0-0"]]
)
def test_a_kafka_that_does_not_answer_is_unreachable(project: Path, arguments: list[str]) -> None:
    done = run(project, "dead-letters", *arguments, "--kafka", "127.0.0.1:1")
    assert done.returncode == 3
    assert "error: [unreachable] Kafka at 127.0.0.1:1: " in done.stderr


def test_without_the_topic_the_command_that_makes_it_is_named(kafka: str, project: Path) -> None:
    done = run(project, "dead-letters", "ls", "--kafka", kafka)
    assert done.returncode == 3
    assert f"automations topics create --kafka {kafka}" in done.stderr

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running import AUTOMATIONS, Engine, clean_environment
from unit.cli.samples import Command, Request, ScriptedServer, accept_all

from automations.cli import client


@pytest.fixture
def emit(command: Command, server: ScriptedServer) -> Command:
    return lambda *arguments, **options: command("emit", *arguments, "--to", server.url, **options)


@pytest.fixture
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_DELAYS", (0.0,) * 4)


def lines(number: int, **more: Any) -> str:
    return "".join(json.dumps({"event": "e", "resource": {"id": str(n)}, **more}) + "\n" for n in range(number))


def sent_ids(server: ScriptedServer) -> list[list[str]]:
    return [[event["id"] for event in request.body] for request in server.requests]


def test_one_event_is_sent_as_it_was_described(emit: Command, server: ScriptedServer) -> None:
    described = ["-r", "id=order.17", "-r", "note=a=b", "--related", "role=actor,id=user.3", "-d", '{"n": 1.5}']
    result = emit("order.failed", *described, "--id", "x")
    assert (result.code, result.out) == (0, "x\n")
    assert server.requests[0].body == {
        "event": "order.failed",
        "id": "x",
        "resource": {"id": "order.17", "note": "a=b"},
        "related": [{"role": "actor", "id": "user.3"}],
        "payload": {"n": 1.5},
    }


def test_an_event_without_an_id_is_given_one_which_is_printed(emit: Command, server: ScriptedServer) -> None:
    result = emit("e", "-r", "id=1")
    assert result.out.strip() == server.requests[0].body["id"]
    assert len(result.out.strip()) == 32


def test_the_same_id_twice_says_that_nothing_changed(ask: Command) -> None:
    assert ask("emit", "once", "-r", "id=1", "--id", "only-once").err == ""
    second = ask("emit", "once", "-r", "id=1", "--id", "only-once")
    assert second.code == 0
    assert second.err == "an event of this id was accepted before; nothing changed\n"


def test_a_strange_id_is_found_again(ask: Command) -> None:
    strange = "a/../b?#% ü"
    ask("emit", "strange", "-r", "id=1", "--id", strange)
    assert ask("events", "inspect", f"api/{strange}", "--json").json["id"] == strange


def test_lines_travel_in_batches_of_100_each_under_an_id_of_its_own(emit: Command, server: ScriptedServer) -> None:
    result = emit("-", stdin=lines(250))
    assert result.code == 0
    assert result.err == "250 accepted, 0 duplicates, 0 refused, up to line 250\n"
    batches = sent_ids(server)
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert len({identity for batch in batches for identity in batch}) == 250


def test_an_id_that_a_line_brings_is_kept_and_null_is_none(emit: Command, server: ScriptedServer) -> None:
    emit("-", stdin=lines(1, id="mine") + lines(1, id=None))
    ((first, second),) = sent_ids(server)
    assert first == "mine"
    assert len(second) == 32


def test_large_lines_make_smaller_batches(emit: Command, server: ScriptedServer) -> None:
    emit("-", stdin=lines(5, payload={"x": "x" * 200_000}))
    assert [len(batch) for batch in sent_ids(server)] == [2, 2, 1]


MIXED = b"""{"event": "ok", "resource": {"id": "1"}}

no json
{"event": "", "resource": {"id": "1"}}
[1]
{"event": "ok", "event": "twice", "resource": {"id": "1"}}
{"event": "ok", "resource": {"id": "2"}, "payload": {"n": 99999999999999999999}}
\xff
{"event": "ok", "resource": {"id": "2"}}"""


def test_each_refused_line_is_reported_by_its_number_and_the_reason(ask: Command) -> None:
    result = ask("emit", "-", stdin=MIXED)
    assert (result.code, result.out) == (1, "")
    *reports, summary = result.err.splitlines()
    assert [report.partition("] ")[0] for report in reports] == [
        "line 3: [bad-json",
        "line 4: [bad-value",
        "line 5: [wrong-type",
        "line 6: [duplicate-key",
        "line 7: [number-range",
        "line 8: [bad-json",
    ]
    assert summary == "2 accepted, 0 duplicates, 6 refused, up to line 9"


def test_with_json_the_report_is_json_lines_on_stdout(ask: Command) -> None:
    result = ask("emit", "-", "--json", stdin=MIXED)
    assert (result.code, result.err) == (1, "")
    *reports, summary = result.lines
    assert [report["line"] for report in reports] == [3, 4, 5, 6, 7, 8]
    assert set(reports[0]) == {"line", "code", "detail"}
    assert summary == {"accepted": 2, "duplicates": 0, "refused": 6, "line": 9}


def test_a_line_beyond_the_size_of_a_body_is_refused_alone(ask: Command) -> None:
    big = lines(1, payload={"x": "x" * 2_000_000})
    result = ask("emit", "-", stdin=lines(2) + big + lines(1))
    assert result.code == 1
    report, summary = result.err.splitlines()
    assert report.startswith("line 3: [too-large]")
    assert summary == "3 accepted, 0 duplicates, 1 refused, up to line 4"


def test_a_line_that_the_engine_finds_too_large_is_refused_alone(emit: Command, server: ScriptedServer) -> None:
    too_large = {"code": "body-too-large", "detail": "the body is larger than 1048576 bytes"}
    server.answer = lambda request: (413, too_large) if len(server.requests) == 1 else accept_all(request)
    result = emit("-", stdin=lines(1, payload={"x": "x" * 600_000}) + lines(1))
    assert result.err.splitlines() == [
        "line 1: [body-too-large] the body is larger than 1048576 bytes",
        "1 accepted, 0 duplicates, 1 refused, up to line 2",
    ]


@pytest.mark.parametrize("failure", [None, (503, {"code": "store-unavailable"}), (429, {"code": "too-many"})])
@pytest.mark.usefixtures("no_delays")
def test_a_repetition_sends_the_same_ids_again(emit: Command, server: ScriptedServer, failure: Any) -> None:
    def fail_twice(request: Request) -> Any:
        return failure if len(server.requests) <= 2 else accept_all(request)

    server.answer = fail_twice
    result = emit("-", stdin=lines(3))
    assert result.code == 0
    assert "trying again" in result.err
    first, second, third = (request.body for request in server.requests)
    assert first == second == third


@pytest.mark.usefixtures("no_delays")
def test_what_was_accepted_before_the_engine_went_away_is_told(emit: Command, server: ScriptedServer) -> None:
    server.answer = lambda request: accept_all(request) if len(server.requests) == 1 else None
    result = emit("-", stdin=lines(150))
    assert result.code == 3
    assert "100 accepted, 0 duplicates, 0 refused, up to line 100" in result.err


def test_a_refusal_for_good_is_not_repeated(emit: Command, server: ScriptedServer) -> None:
    server.answer = lambda _request: (403, {"code": "forbidden", "detail": "the key has no scope 'ingest'"})
    assert emit("-", stdin=lines(3)).code == 1
    assert len(server.requests) == 1


def test_nothing_on_stdin_is_nothing_to_do(emit: Command, server: ScriptedServer) -> None:
    assert emit("-", stdin="\n\n").code == 0
    assert server.requests == []


@pytest.mark.parametrize(("environment", "bar"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_bar_is_shown_on_a_terminal_only_and_not_under_no_color(
    engine: Engine, tmp_path: Path, environment: dict[str, str], bar: bool
) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text(lines(3))
    shown = on_a_terminal(source, AUTOMATIONS_API_URL=engine.url, TERM="xterm", **environment)
    assert b"3 accepted, 0 duplicates" in shown
    assert (b"\x1b[" in shown) == bar


def on_a_terminal(stdin: Path, **environment: str) -> bytes:
    """Return what `emit -` writes to a stderr that is a terminal."""
    controller, terminal = pty.openpty()
    inherited = {name: value for name, value in clean_environment().items() if name != "NO_COLOR"}
    with stdin.open() as source:
        sender = subprocess.Popen(
            [*AUTOMATIONS, "emit", "-"], env={**inherited, **environment}, stdin=source, stderr=terminal
        )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(controller, 4096):
            shown += chunk
    except OSError:  # how a terminal without a writer ends
        pass
    os.close(controller)
    assert sender.wait(10) == 0
    return shown

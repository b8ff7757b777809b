"""The commands that talk to an engine, against a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import Engine, event
from unit.cli.samples import Command, Request, ScriptedServer


def test_automations_are_listed_for_people_and_as_json_lines(ask: Command) -> None:
    header, first, second = ask("ls").out.splitlines()
    assert header.split() == ["NAME", "STATE", "LOCATION", "DESCRIPTION"]
    assert first.startswith("greet")
    assert second.startswith("repair-orders")
    assert [line["name"] for line in ask("ls", "--json").lines] == ["greet", "repair-orders"]


def test_pause_and_resume_change_the_state(ask: Command) -> None:
    assert ask("pause", "repair-orders").err == "repair-orders is paused\n"
    assert ask("inspect", "repair-orders", "--json").json["paused"] is True
    assert ask("resume", "repair-orders", "--json").json["paused"] is False


@pytest.mark.parametrize(
    ("kind", "name", "called"),
    [("deployment", "greet/orders", "deployment"), ("work-pool", "default", "work pool")],
)
def test_what_is_paused_is_listed_so_until_it_is_resumed(ask: Command, kind: str, name: str, called: str) -> None:
    assert ask(kind, "pause", name).err == f"{called} {name!r} is paused\n"
    assert [line["paused"] for line in ask(kind, "ls", "--json").lines if line["name"] == name] == [True]
    assert ask(kind, "ls").out.splitlines()[1].split()[:2] == [name, "yes"]
    assert ask(kind, "resume", name, "--json").json["paused"] is False
    assert ask(kind, "ls").out.splitlines()[1].split()[:2] == [name, "no"]


def test_a_name_that_is_not_there_says_how_to_list_what_is(ask: Command) -> None:
    result = ask("pause", "nobody")
    assert result.code == 1
    assert result.err.endswith("'automations ls' lists what there is\n")


def test_events_are_listed_and_filtered(ask: Command) -> None:
    for number in range(3):
        ask("emit", "listed.event", "-r", f"id=listed.{number}")
    assert len(ask("events", "ls", "--name", "listed.*", "--json").lines) == 3
    assert len(ask("events", "ls", "--name", "listed.*", "--limit", "2", "--json").lines) == 2
    (found,) = ask("events", "ls", "--resource", "listed.1", "--json").lines
    assert "listed.1" in ask("events", "inspect", found["id"]).out


def test_a_listing_goes_on_over_pages(ask: Command, engine: Engine) -> None:
    engine.send(*(event(f"page.{n}", "paged.event") for n in range(250)))
    assert len(ask("events", "ls", "--name", "paged.event", "--limit", "1000", "--json").lines) == 250


def test_job_variables_and_parameters_reach_the_run_as_they_were_typed(ask: Command, engine: Engine) -> None:
    flags = ["-p", "customer=acme", "-p", "failures=3", "-jv", "env.REGION=us=1", "-jv", "timeout=5"]
    started = ask("deployment", "run", "repair/orders", *flags, "--job-variable", "env.EMPTY=")
    assert started.code == 0
    run = engine.get(f"/api/runs/{started.out.strip()}")
    assert run["parameters"] == {"customer": "acme", "failures": 3}
    assert run["job_variables"]["timeout"] == 5
    assert run["job_variables"]["env"] == {"REGION": "us=1", "EMPTY": ""}


def test_watch_follows_the_output_and_ends_with_the_result(ask: Command) -> None:
    result = ask("deployment", "run", "repair/orders", "-p", "customer=acme", "--watch")
    assert result.code == 0
    assert result.out.splitlines() == ["repairing 0 orders of acme in eu", "the last one was unknown"]
    assert result.err.splitlines()[-1] == "Completed"


def test_watch_of_a_run_that_fails_exits_1(ask: Command) -> None:
    result = ask("deployment", "run", "repair/orders", "-p", "nobody_takes_this=1", "--watch")
    assert result.code == 1
    assert result.err.splitlines()[-1].startswith(("Failed", "Crashed"))


def test_watch_as_json_ends_with_the_run(ask: Command) -> None:
    *lines, run = ask("deployment", "run", "greet/orders", "--watch", "--json").lines
    assert [line["text"] for line in lines] == ["hello, you"]
    assert run["state"] == "Completed"


def test_a_key_makes_one_run(ask: Command) -> None:
    first = ask("deployment", "run", "greet/orders", "--idempotency-key", "k", "--json").json
    second = ask("deployment", "run", "greet/orders", "--idempotency-key", "k", "--json").json
    assert first["id"] == second["id"]
    assert (first["created"], second["created"]) == (True, False)


def test_a_variable_that_nobody_takes_is_refused_with_a_suggestion(ask: Command) -> None:
    result = ask("deployment", "run", "greet/orders", "-jv", "MY_VAR=42")
    assert result.code == 1
    assert result.err.endswith("did you mean 'env.MY_VAR'?\n")


def test_a_run_is_inspected_with_the_origin_of_each_value(ask: Command) -> None:
    identity = ask("deployment", "run", "repair/orders", "-jv", "env.X=1", "--watch", "--json").lines[-1]["id"]
    shown = ask("run", "inspect", identity[:8]).out
    assert "/env/REGION" in shown
    assert "deployments.yaml:" in shown
    assert ask("run", "inspect", identity, "--json").json["provenance"]["/env/X"]["layer"] == "run"
    assert "repairing 0 orders" in ask("run", "logs", identity).out
    assert ask("run", "logs", identity, "--follow", "--json").lines[0]["stream"] == "stdout"
    assert ask("run", "cancel", identity).code == 1
    found = ask("run", "ls", "--state", "completed", "--deployment", "repair/orders", "--json").lines
    assert identity in [run["id"] for run in found]


def test_deployments_are_listed_and_inspected(ask: Command) -> None:
    assert [line["name"] for line in ask("deployment", "ls", "--json").lines] == ["greet/orders", "repair/orders"]
    assert "flows/orders.py:repair" in ask("deployment", "inspect", "repair/orders").out


def test_keys_are_made_listed_and_revoked(ask: Command) -> None:
    made = ask("api-key", "create", "ci", "--scope", "ingest", "--scope", "read")
    assert made.code == 0
    (key,) = [line for line in ask("api-key", "ls", "--json").lines if line["name"] == "ci"]
    assert key["scopes"] == ["ingest", "read"]
    assert made.out.strip() not in json.dumps(key)
    assert ask("api-key", "revoke", "ci").err == "ci is revoked\n"
    assert ask("api-key", "revoke", "nobody").code == 1


@pytest.mark.parametrize("way", [["--db", "kept.db"], []])
def test_the_first_key_is_made_without_an_engine(command: Command, tmp_path: Path, way: list[str]) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    made = command("api-key", "create", "me", "--scope", "admin", "-C", str(project), *way, "--json")
    assert made.code == 0
    assert made.json["key"].startswith("am_")
    assert (project / (way[-1] if way else "automations.db")).exists()


def test_a_key_is_made_in_the_folder_when_no_engine_answers(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = command("api-key", "create", "me", "--scope", "read", AUTOMATIONS_API_URL="http://127.0.0.1:1")
    assert made.code == 0
    assert "no engine answers at http://127.0.0.1:1" in made.err
    assert "the key is made in automations.db" in made.err


def test_status_shows_the_ledger(ask: Command) -> None:
    shown = ask("status").out
    assert shown.startswith("events   accepted ")
    assert "2 loaded" in shown
    found = ask("status", "--json").json
    assert found["events"]["accepted"] == found["events"]["processed"] + found["events"]["pending"]


def test_what_an_event_says_does_not_drive_the_terminal(ask: Command, engine: Engine) -> None:
    engine.send(event("esc", "\x1b]0;owned\x07\x9b31m\u202e\n", note="\x7f\x9b"))
    shown = ask("events", "ls", "--resource", "order.esc").out + ask("events", "inspect", "api/esc").out
    assert "\\x1b]0;owned\\x07" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def letter(identity: str) -> dict[str, Any]:
    return {"id": identity, "kind": "action", "code": "refused", "automation": "a", "created": "t", "reason": "r"}


def test_one_dead_letter_that_is_refused_does_not_keep_back_the_others(
    command: Command, server: ScriptedServer
) -> None:
    def answer(request: Request) -> tuple[int, Any]:
        if "gone" in request.path:
            return 404, {"code": "not-found", "detail": "there is no dead letter 'gone'"}
        return 200, {"action": "again"} if request.path.endswith("redrive") else letter("x")

    server.answer = answer
    result = command("dead-letters", "redrive", "a", "gone", "b", AUTOMATIONS_API_URL=server.url)
    assert (result.code, result.out) == (1, "again\nagain\n")
    assert "'automations dead-letters ls --state all' lists what there is" in result.err
    assert command("dead-letters", "discard", "a", AUTOMATIONS_API_URL=server.url).err == "a is discarded\n"


def test_dead_letters_are_listed(command: Command, server: ScriptedServer) -> None:
    server.answer = lambda _request: (200, {"items": [letter("x")], "next": None})
    assert command("dead-letters", "ls", "--json", AUTOMATIONS_API_URL=server.url).json["id"] == "x"
    assert server.requests[0].path == "/api/dead-letters?limit=50&state=open"


def test_work_pools_are_listed_and_inspected(command: Command, server: ScriptedServer) -> None:
    pool = {"name": "default", "type": "process", "concurrency_limit": None, "description": "", "variables": {}}
    server.answer = lambda request: (200, pool if request.path.endswith("/default") else {"items": [pool]})
    assert "default" in command("work-pool", "ls", AUTOMATIONS_API_URL=server.url).out
    assert command("work-pool", "inspect", "default", "--json", AUTOMATIONS_API_URL=server.url).json == pool

"""The whole way, through a real process, a real file and real subprocesses."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running import AUTOMATIONS, Engine, clean_environment, event

Start = Callable[..., Engine]


def adds_up(status: dict[str, Any]) -> bool:
    events, actions = status["events"], status["actions"]
    return bool(
        events["accepted"] == events["processed"] + events["pending"]
        and actions["planned"] == actions["delivered"] + actions["dead"] + actions["pending"]
    )


def test_an_event_starts_a_run_with_job_variables_rendered_from_it(start: Start) -> None:
    engine = start()
    engine.send(*(event(str(n), "order.failed", customer="acme") for n in range(3)))
    (run,) = engine.runs(1)
    assert run["job_variables"]["env"] == {"REGION": "eu", "LAST_ORDER": "order.2"}
    assert run["provenance"]["/env/LAST_ORDER"]["template"] == "{{ event.resource.id }}"
    assert run["provenance"]["/env/REGION"]["origin"].endswith("deployments.yaml:12:11")
    assert run["parameters"] == {"customer": "acme", "failures": 3}
    lines = [line["text"] for line in engine.get(f"/api/runs/{run['id']}/logs")["items"]]
    assert lines == ["repairing 3 orders of acme in eu", "the last one was order.2"]
    assert adds_up(engine.get("/api/status"))


def test_what_was_acknowledged_survives_a_kill_and_is_not_done_twice(start: Start) -> None:
    engine = start()
    batch = [event(str(n), customer="acme") for n in range(20)]
    engine.send(*batch)
    engine.kill()
    engine.start()
    assert engine.send(*batch)["duplicates"] == 20

    def settled() -> Any:
        return engine.get("/api/status")["actions"]["pending"] == 0

    engine.until(settled)
    runs = engine.get("/api/runs?deployment=greet/orders&limit=100")["items"]
    assert len(runs) == 20
    assert len({run["follows"] for run in runs}) == 20
    assert adds_up(engine.get("/api/status"))
    assert engine.stop() == 0
    with sqlite3.connect(engine.project / "automations.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_window_progress_survives_a_restart(start: Start) -> None:
    engine = start()
    engine.send(event("1", "order.failed", customer="acme"), event("2", "order.failed", customer="acme"))
    assert engine.stop() == 0
    engine.start()
    engine.send(event("3", "order.failed", customer="acme"))
    (run,) = engine.runs(1)
    assert run["parameters"]["failures"] == 3


def test_a_broken_rule_file_keeps_the_last_good_revision_and_says_so(start: Start, project: Path) -> None:
    engine = start()
    before = engine.get("/api/status")["revision"]
    file = project / "rules" / "orders.yaml"
    good = file.read_text()
    file.write_text(good.replace("expect: order.created", "expct: order.created"))
    engine.until(lambda: engine.get("/api/status")["rules"]["errors"])
    status = engine.get("/api/status")
    assert status["revision"] == before
    assert "[unknown-key] 'expct' is not a trigger field; did you mean 'expect'?" in status["rules"]["errors"][0]
    assert engine.command("status").returncode == 1
    assert engine.command("check", "-C", str(project)).returncode == 1
    assert any(entry.get("event") == "rules_rejected" for entry in engine.log)
    engine.send(event("1"))
    engine.runs(1)
    file.write_text(good.replace("expect: order.created", "expect: order.made"))
    engine.until(lambda: engine.get("/api/status")["revision"] != before)
    assert engine.get("/api/status")["rules"]["errors"] == []
    engine.send(event("2", "order.made"))
    engine.runs(2)


def test_a_broken_rule_file_at_start_is_refused_with_every_error(project: Path) -> None:
    (project / "rules" / "bad.yaml").write_text("name: x\ntrigger: {expect: a}\nactions: [{type: nothing}]\n")
    done = subprocess.run(
        [*AUTOMATIONS, "serve", "-C", str(project), "--port", "0"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "bad.yaml:3:18 [bad-value] 'type' cannot be 'nothing'" in done.stderr


def test_a_webhook_with_a_bearer_token_becomes_an_event(start: Start, project: Path) -> None:
    (project / "sources.yaml").write_text(
        "sources:\n"
        "  - name: shop\n"
        "    type: webhook\n"
        "    auth: {type: bearer, secret: {env: SHOP_TOKEN}}\n"
        "    mapping:\n"
        "      event: \"order.{{ headers['x-kind'] }}\"\n"
        '      id: "{{ body.id }}"\n'
        '      resource: {id: "order.{{ body.id }}", customer: "{{ body.customer }}"}\n'
    )
    engine = start(SHOP_TOKEN="open-sesame")
    body = {"id": 7, "customer": "acme"}
    status, answer = engine.request("POST", "/hooks/shop", body, x_kind="created")
    assert status == 401
    assert answer["status"] == 401
    status, _ = engine.request("POST", "/hooks/shop", body, x_kind="created", authorization="Bearer open-sesame")
    assert status == 202
    (run,) = engine.runs(1)
    assert run["job_variables"]["env"]["CUSTOMER"] == "acme"


def test_what_cannot_be_delivered_is_a_dead_letter_that_can_be_redriven(start: Start, project: Path) -> None:
    rule = project / "rules" / "lost.yaml"
    document = "name: lost\ntrigger: {expect: lost}\nactions: [{type: run-deployment, deployment: no/where}]\n"
    rule.write_text(document)
    engine = start()
    engine.send(event("1", "lost"))
    (letter,) = engine.until(lambda: engine.get("/api/dead-letters")["items"])
    assert letter["code"] == "not-found"
    assert engine.command("dead-letters", "redrive", letter["id"]).returncode == 0
    engine.until(lambda: engine.get("/api/status")["actions"]["dead"] == 2)
    (again,) = engine.get("/api/dead-letters")["items"]
    assert engine.command("dead-letters", "discard", again["id"]).returncode == 0
    assert engine.get("/api/dead-letters")["items"] == []
    assert adds_up(engine.get("/api/status"))


def test_an_action_that_does_not_render_is_a_dead_letter_and_its_neighbours_go_on(
    start: Start, project: Path
) -> None:
    (project / "rules" / "half.yaml").write_text(
        "name: half\ntrigger: {expect: half}\nactions:\n"
        "- type: run-deployment\n  deployment: greet/orders\n"
        "  job_variables: {env.CUSTOMER: '{{ event.payload.no }}'}\n"
        "- type: run-deployment\n  deployment: greet/orders\n"
        "  job_variables: {env.CUSTOMER: '{{ event.payload.n }}'}\n"
    )
    engine = start()
    engine.send(event("1", "half"))
    (run,) = engine.runs(1)
    assert run["job_variables"]["env"]["CUSTOMER"] == "1"
    (letter,) = engine.get("/api/dead-letters")["items"]
    assert letter["code"] == "undefined"


def test_runs_chain_through_rules_and_an_endless_chain_is_cut(start: Start, project: Path) -> None:
    (project / "rules" / "chain.yaml").write_text(
        "name: chain\n"
        "allow_cycle: true\n"
        "trigger: {expect: [chain.start, automations.run.Completed]}\n"
        "actions: [{type: run-deployment, deployment: greet/orders}]\n"
    )
    engine = start()
    engine.send(event("1", "chain.start"))
    (letter,) = engine.until(lambda: engine.get("/api/dead-letters")["items"], seconds=40)
    assert letter["code"] == "too-many-hops"
    assert len(engine.get("/api/runs")["items"]) == 10


def test_a_run_can_be_made_watched_and_cancelled_by_hand(start: Start) -> None:
    engine = start()
    done = engine.command("deployment", "run", "greet/orders", "-jv", "env.CUSTOMER=you", "--watch")
    assert (done.returncode, done.stdout) == (0, "hello, you\n")
    bad = engine.command("deployment", "run", "greet/orders", "-jv", "CUSTOMER=you")
    assert bad.returncode == 1
    assert "did you mean 'env.CUSTOMER'?" in bad.stderr
    slow = engine.command("deployment", "run", "greet/orders", "-jv", "command=sleep 60").stdout.strip()
    engine.until(lambda: engine.get(f"/api/runs/{slow}")["state"] == "Running")
    assert engine.command("run", "cancel", slow).returncode == 0
    assert engine.until(lambda: engine.get(f"/api/runs/{slow}")["ended"])
    assert engine.get(f"/api/runs/{slow}")["state"] == "Cancelled"


def test_an_idempotency_key_makes_one_run(start: Start) -> None:
    engine = start()
    first, second = (
        engine.command("deployment", "run", "greet/orders", "--idempotency-key", "k").stdout for _ in range(2)
    )
    assert first == second


def test_runs_die_with_a_killed_engine_and_are_crashed_unknown(start: Start, tmp_path: Path) -> None:
    engine = start()
    mark = tmp_path / "alive"
    command = f"command=while true; do date +%s%N > {mark}; sleep 0.05; done"
    run = engine.command("deployment", "run", "greet/orders", "-jv", command).stdout.strip()
    engine.until(mark.exists)
    engine.kill()
    time.sleep(0.3)
    seen = mark.read_text()
    time.sleep(0.3)
    assert mark.read_text() == seen
    engine.start()
    crashed = engine.until(lambda: engine.get(f"/api/runs/{run}")["ended"] and engine.get(f"/api/runs/{run}"))
    assert crashed["state"] == "Crashed"
    assert crashed["message"].startswith("unknown")


def test_a_paused_automation_takes_no_part_also_after_a_restart(start: Start) -> None:
    engine = start()
    assert engine.command("pause", "greet").returncode == 0
    assert engine.stop() == 0
    engine.start()
    engine.send(event("1"))
    assert engine.get("/api/status")["firings"]["fired"] == 0
    assert engine.command("resume", "greet").returncode == 0
    engine.send(event("2"))
    engine.runs(1)


def test_emit_reads_json_lines_and_names_the_line_of_what_is_refused(start: Start) -> None:
    engine = start()
    lines = '{"event": "a", "resource": {"id": "x"}}\n{"event":\n\n{"event": "a", "resource": {}}\n'
    done = engine.command("emit", "-", stdin=lines)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "line 2",
        "line 4",
        "1 accepted, 0 duplicates, 2 refused, up to line 4",
    ]
    assert engine.get("/api/status")["events"]["accepted"] == 1


def test_beyond_loopback_a_key_is_needed(project: Path) -> None:
    done = subprocess.run(
        [*AUTOMATIONS, "serve", "-C", str(project), "--host", "192.0.2.1", "--port", "0"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "[no-api-key]" in done.stderr
    made = subprocess.run(
        [*AUTOMATIONS, "api-key", "create", "ci", "--scope", "ingest", "-C", str(project)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert made.stdout.startswith("am_")


def test_without_an_engine_commands_exit_3_and_say_how_to_start_one() -> None:
    done = subprocess.run(
        [*AUTOMATIONS, "status"],
        env=clean_environment(AUTOMATIONS_API_URL="http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 3
    assert "start it with 'automations serve'" in done.stderr


def test_a_run_finds_the_engine_that_started_it(start: Start) -> None:
    engine = start()
    done = engine.command(
        "deployment", "run", "greet/orders", "-jv", "command=printenv AUTOMATIONS_API_URL", "--watch"
    )
    assert (done.returncode, done.stdout.strip()) == (0, engine.url)


def test_make_names_the_package_that_is_missing(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    command = ["make", "-s", f"PYTHON={bare}", f"VENV={tmp_path / 'venv'}", f"{tmp_path / 'venv'}/.base"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "apt-get install python3.11-venv" in done.stderr

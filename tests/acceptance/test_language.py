"""What a user sees of the rule language in a running engine and from the command line."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from acceptance.test_engine import Start, event
from running import AUTOMATIONS, clean_environment


def rule(project: Path, name: str, text: str) -> None:
    (project / "rules" / name).write_text(text)


def firings(engine: Any, automation: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.get(f"/api/firings?automation={automation}")["items"]
    return list(reversed(found))


def test_a_deadline_fires_by_the_clock_and_resolves_at_the_next_event(start: Start, project: Path) -> None:
    rule(
        project,
        "watchdog.yaml",
        "name: watchdog\n"
        "trigger: {posture: Proactive, after: job.started, expect: job.done, for_each: job, within: 10}\n"
        "actions: [{type: do-nothing}]\n",
    )
    engine = start()
    engine.send(event("1", "job.started", job="j"))
    (fired,) = engine.until(lambda: firings(engine, "watchdog"), seconds=20)
    assert (fired["kind"], fired["event"]) == ("trigger", "api/1")
    engine.send(event("2", "job.done", job="j"))
    assert [found["kind"] for found in firings(engine, "watchdog")] == ["trigger", "resolve"]


def test_a_deadline_that_passes_while_the_engine_is_away_fires_once(start: Start, project: Path) -> None:
    rule(
        project,
        "quiet.yaml",
        "name: quiet\ntrigger: {expect: job.done}\ndebounce: {quiet: 3}\nactions: [{type: do-nothing}]\n",
    )
    engine = start()
    engine.send(event("1", "job.done"), event("2", "job.done"))
    assert firings(engine, "quiet") == []
    engine.kill()
    engine.start()
    (fired,) = engine.until(lambda: firings(engine, "quiet"), seconds=10)
    assert fired["count"] == 2
    engine.stop()
    engine.start()
    assert len(firings(engine, "quiet")) == 1


def test_a_trace_tells_what_became_of_an_event(start: Start) -> None:
    engine = start()
    engine.send(event("1", "order.failed", customer="acme"))
    trace = engine.get("/api/events/1/trace")
    told = {found["automation"]: found["reason"] for found in trace["automations"]}
    assert told["repair-orders"] == "counted"
    assert told["greet"] == "event-name"
    shown = engine.command("explain", "api/1", "-a", "greet").stdout
    assert shown.startswith("greet: event-name - the event has another name: expect saw")


def test_events_are_followed_as_they_happen(start: Start) -> None:
    engine = start()
    command = [*AUTOMATIONS, "events", "tail", "--json"]
    environment = clean_environment(AUTOMATIONS_API_URL=engine.url)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as tail:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(iter(tail.stdout.readline, "")))  # type: ignore[union-attr]
        reader.start()
        sent = iter(range(1000))
        engine.until(lambda: (engine.send(event(f"e{next(sent)}")), lines)[1], seconds=10)
        tail.terminate()
        reader.join()
    assert json.loads(lines[0])["type"] == "event"


def test_a_backtest_shows_what_a_change_of_a_rule_changes(project: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*AUTOMATIONS, "backtest", *arguments]
        return subprocess.run(
            command, cwd=project, capture_output=True, text=True, check=True, env=clean_environment()
        )

    events = tmp_path / "events.jsonl"
    lines = [
        {
            "event": "order.failed",
            "id": str(n),
            "received": f"2026-01-01T00:00:0{n}Z",
            "resource": {"id": "o", "customer": "c"},
        }
        for n in (3, 1, 2)
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(str(events)).stdout.startswith(
        "2026-01-01T00:00:03Z repair-orders fired customer=c\n    run-deployment"
    )
    other = tmp_path / "other"
    other.mkdir()
    text = (project / "rules" / "orders.yaml").read_text()
    (other / "orders.yaml").write_text(text.replace("threshold: 3", "threshold: 4"))
    changed = run(str(events), "--against", str(other))
    assert changed.stderr.strip() == "1 appears, 0 vanishes, 0 changes"


def test_rules_act_on_our_own_objects(start: Start, project: Path) -> None:
    rule(
        project,
        "freeze.yaml",
        "- name: freeze\n"
        "  trigger: {expect: freeze.begins}\n"
        "  actions:\n"
        "    - {type: pause-deployment, deployment: greet/orders}\n"
        "    - {type: pause-automation, automation: repair-orders}\n"
        "    - {type: emit-event, event: freeze.began, resource: {id: freeze.1}, payload: {by: '{{ event.id }}'}}\n"  # noqa: E501
        "- name: thaw\n"
        "  trigger: {expect: freeze.ends}\n"
        "  actions: [{type: resume-deployment, deployment: greet/orders}]\n",
    )
    engine = start()
    engine.send(event("1", "freeze.begins"))
    engine.until(lambda: engine.get("/api/status")["actions"]["pending"] == 0)
    (emitted,) = engine.get("/api/events?name=freeze.began")["items"]
    assert (emitted["payload"], emitted["source"], emitted["follows"], emitted["hops"]) == (
        {"by": "1"},
        "automations",
        "api/1",
        1,
    )
    assert engine.get("/api/deployments/greet/orders")["paused"]
    assert engine.get("/api/automations/repair-orders")["paused"]
    refused = engine.command("deployment", "run", "greet/orders")
    assert refused.returncode == 1
    assert "is paused" in refused.stderr
    engine.send(event("2", "order.created"))
    (letter,) = engine.until(lambda: engine.get("/api/dead-letters")["items"])
    assert letter["code"] == "deployment-paused"
    engine.stop()
    engine.start()
    assert engine.get("/api/deployments/greet/orders")["paused"]
    engine.send(event("3", "freeze.ends"))
    engine.until(lambda: not engine.get("/api/deployments/greet/orders")["paused"])
    assert engine.command("dead-letters", "redrive", letter["id"]).returncode == 0
    engine.runs(1)


def test_a_paused_work_pool_starts_its_runs_once_it_is_resumed(start: Start) -> None:
    engine = start()
    pool = engine.get("/api/deployments/greet/orders")["work_pool"]
    assert engine.command("work-pool", "pause", pool).returncode == 0
    run = engine.command("deployment", "run", "greet/orders").stdout.strip()
    assert engine.get(f"/api/runs/{run}")["state"] == "Scheduled"
    assert engine.command("work-pool", "resume", pool).returncode == 0
    engine.until(lambda: engine.get(f"/api/runs/{run}")["state"] == "Completed")


def test_a_run_is_cancelled_by_a_rule_on_its_own_event(start: Start, project: Path) -> None:
    rule(
        project,
        "stop.yaml",
        "name: stop-repairs\n"
        "trigger: {expect: automations.run.Running, match_related: {role: deployment, name: greet/orders}}\n"
        "actions: [{type: cancel-flow-run}]\n",
    )
    engine = start()
    run = engine.command("deployment", "run", "greet/orders", "-jv", "command=sleep 60").stdout.strip()
    engine.until(lambda: engine.get(f"/api/runs/{run}")["state"] == "Cancelled")


def test_a_notification_that_the_settings_do_not_know_is_an_error(project: Path) -> None:
    rule(
        project,
        "tell.yaml",
        "name: tell\ntrigger: {expect: a}\nactions: [{type: send-notification, to: opps, body: hello}]\n",
    )
    (project / "automations.toml").write_text('[notifications.ops]\nurl = "json://127.0.0.1:9/"\n')
    done = subprocess.run(
        [*AUTOMATIONS, "check"], cwd=project, capture_output=True, text=True, check=False, env=clean_environment()
    )
    assert done.returncode == 1
    assert "[unknown-notification] 'tell' tells 'opps'" in done.stdout
    assert "did you mean 'ops'?" in done.stdout


def test_metrics_tell_what_became_of_events_by_reason(start: Start, project: Path) -> None:
    rule(
        project,
        "where.yaml",
        "name: where\ntrigger: {expect: a, where: event.payload.nothing > 3}\nactions: [{type: do-nothing}]\n",
    )
    engine = start()
    engine.send(event("1", "a"), event("2", "a"))
    assert (
        'automations_event_outcomes{reason="where-failed"} 2.0' in urlopen(f"{engine.url}/metrics").read().decode()
    )

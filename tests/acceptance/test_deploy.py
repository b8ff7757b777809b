"""Deploying to a running engine, as users of Prefect's guide do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import AUTOMATIONS, Engine, clean_environment, event

FLOW = """\
import os

def greet(name: str = "nobody", times: int = 1) -> None:
    for _ in range(times):
        print("hello", name, "from", os.environ["EXECUTION_ENVIRONMENT"], os.environ["CONFIG"], flush=True)
"""
PREFECT_YAML = """\
# Welcome to your prefect.yaml file! You can use this file for storing and managing
name: demo_project
prefect-version: 3.8.8

build: null
push: null

definitions:
  pool: &pool
    name: local-pool
    job_variables:
      env:
        EXECUTION_ENVIRONMENT: "{{ $EXECUTION_ENVIRONMENT }}"
        CONFIG: plain

deployments:
- name: demo
  version: null
  tags: []
  description: null
  entrypoint: demo_project/daily_flow.py:greet
  parameters: {name: ada}
  work_pool: *pool
  schedules:
  - cron: 0 4 * * *
    timezone: Europe/Berlin
    active: false
  triggers:
  - match: {kind: gold}
    expect: [order.created]
    parameters: {name: "{{ event.resource.id }}"}
    job_variables:
      env: {CONFIG: "{{ event.payload.n }}"}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "demo_project").mkdir(parents=True)
    (folder / "demo_project" / "daily_flow.py").write_text(FLOW)
    (folder / "prefect.yaml").write_text(PREFECT_YAML)
    return folder


Run = Callable[..., Any]


@pytest.fixture
def engine(start: Callable[..., Engine]) -> Engine:
    return start()


@pytest.fixture
def command(engine: Engine, repository: Path) -> Run:
    def run(
        *arguments: str, code: int = 0, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*AUTOMATIONS, *arguments],
            cwd=repository,
            env=clean_environment(AUTOMATIONS_API_URL=engine.url, **environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    return run


def output_of(engine: Engine, run: dict[str, Any]) -> str:
    return "".join(line["text"] for line in engine.get(f"/api/runs/{run['id']}/logs")["items"])


def by_the_trigger(run: dict[str, Any]) -> bool:
    return bool(run["created_by"] == "automation deployment/greet/demo/trigger-1")


def test_a_repository_of_prefects_guide_deploys_runs_and_changes(engine: Engine, command: Run) -> None:
    missing = command("deploy", "--all", code=1, EXECUTION_ENVIRONMENT="x")
    assert "[unknown-work-pool] there is no work pool 'local-pool'" in missing.stderr
    command("work-pool", "create", "local-pool", "--concurrency-limit", "2")
    unset = command("deploy", "--all", code=1)
    assert "the environment variable EXECUTION_ENVIRONMENT is not set" in unset.stderr

    first = command("deploy", "-n", "demo", EXECUTION_ENVIRONMENT="staging")
    assert first.stdout == "deployment greet/demo: created\n"
    assert (
        command("deploy", "--all", EXECUTION_ENVIRONMENT="staging").stdout == "deployment greet/demo: unchanged\n"
    )
    again = command("deploy", "--all", "-jv", "env.EXECUTION_ENVIRONMENT=live", "-jv", "timeout=60",
                    EXECUTION_ENVIRONMENT="staging")  # fmt: skip
    assert again.stdout == (
        "deployment greet/demo: changed work_pool.job_variables.env.EXECUTION_ENVIRONMENT, "
        "work_pool.job_variables.timeout\n"
    )

    watched = command("deployment", "run", "greet/demo", "-p", "times=2", "-jv", "env.CONFIG=mine", "--watch")
    assert watched.stdout == "hello ada from live mine\n" * 2
    engine.kill()
    engine.start()
    engine.send(event("1", kind="gold"))
    started = engine.until(lambda: next(filter(by_the_trigger, engine.get("/api/runs?state=Completed")["items"])))
    assert output_of(engine, started) == "hello order.1 from live 1"
    found = engine.get(f"/api/runs/{started['id']}")
    assert found["provenance"]["/env/EXECUTION_ENVIRONMENT"]["origin"] == "automations deploy -jv"
    assert found["provenance"]["/env/CONFIG"]["template"] == "{{ event.payload.n }}"


def test_schedules_and_triggers_of_a_deployment_are_automations(engine: Engine, command: Run) -> None:
    command("work-pool", "create", "local-pool")
    command("deploy", "--all", EXECUTION_ENVIRONMENT="x")
    listed = {each["name"]: each for each in engine.get("/api/automations")["items"]}
    assert listed["deployment/greet/demo/schedule-1"]["enabled"] is False
    assert listed["deployment/greet/demo/schedule-1"]["trigger"]["schedule"]["timezone"] == "Europe/Berlin"
    assert listed["deployment/greet/demo/trigger-1"]["enabled"] is True
    command("pause", "deployment/greet/demo/trigger-1")
    command("deployment", "delete", "greet/demo")
    assert not any(
        name.startswith("deployment/greet")
        for name in (a["name"] for a in engine.get("/api/automations")["items"])
    )
    assert engine.request("GET", "/api/deployments/greet/demo")[0] == 404


def test_what_is_wrong_is_told_whole_and_nothing_is_taken(engine: Engine, command: Run, repository: Path) -> None:
    status, problem = engine.request("PUT", "/api/deployments/greet/demo", {
        "entrypoint": "demo_project/daily_flow.py:greet",
        "directory": str(repository),
        "parameters": {"nam": "x"},
        "work_pool": {"job_variables": {"timeout": "soon", "imge": "x"}},
        "triggers": [{"expect": "x", "postur": "Reactive"}],
    })  # fmt: skip
    assert (status, problem["code"]) == (422, "bad-deployment")
    assert len(problem["errors"]) == 3
    assert engine.request("GET", "/api/deployments/greet/demo")[0] == 404
    status, problem = engine.request("PUT", "/api/deployments/greet/demo", {
        "entrypoint": "demo_project/daily_flow.py:greet",
        "directory": str(repository),
        "triggers": [{"expect": "x", "postur": "Reactive"}],
    })  # fmt: skip
    assert status == 422
    assert "'postur' is not a trigger field; did you mean 'posture'?" in problem["errors"][0]


def test_the_engines_own_file_is_not_overwritten_and_what_leaves_it_is_archived(
    engine: Engine, command: Run
) -> None:
    (own, *_) = engine.get("/api/deployments")["items"]
    assert own["origin"] == "file"
    status, problem = engine.request("PUT", f"/api/deployments/{own['name']}", {"entrypoint": "x.py:y"})
    assert (status, problem["code"]) == (409, "origin-file")
    assert engine.request("DELETE", f"/api/deployments/{own['name']}")[0] == 409
    file = engine.project / "deployments.yaml"
    file.write_text("deployments: []\n")
    engine.until(lambda: own["name"] not in {d["name"] for d in engine.get("/api/deployments")["items"]})


def test_a_work_pool_with_deployments_stays(engine: Engine, command: Run) -> None:
    command("work-pool", "create", "local-pool", "--base-job-template", "-", stdin=json.dumps(
        {"variables": {"properties": {"env": {"type": "object"}, "cpu": {"type": "integer", "default": 1}}},
         "job_configuration": {"env": "{{ env }}"}}
    ))  # fmt: skip
    assert "there is a work pool" in command("work-pool", "create", "local-pool", code=1).stderr
    command("deploy", "--all", EXECUTION_ENVIRONMENT="x")
    assert "unknown-work-pool" in command("work-pool", "delete", "local-pool", code=1).stderr
    command("deployment", "delete", "greet/demo")
    command("work-pool", "delete", "local-pool")
    assert "there is no work pool" in command("work-pool", "inspect", "local-pool", code=1).stderr

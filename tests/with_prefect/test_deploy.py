"""The file that the engine takes, deployed to a real Prefect server and run by its worker."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from running import AUTOMATIONS, clean_environment
from with_prefect.server import PrefectServer

FILE = """\
name: demo_project
work_pools:
  - {name: machines, concurrency_limit: 3}
deployments:
  - name: daily
    entrypoint: flows.py:some_work
    tags: [demo]
    parameters: {greeting: hello}
    work_pool:
      name: machines
      job_variables:
        env: {PLACE: "{{ $PLACE }}"}
        env.CONFIG: 4
    schedules:
      - {cron: 0 3 * * *, timezone: Europe/Berlin, slug: nightly, active: false}
      - {interval: 1d, anchor_date: "2026-01-01T05:00:00Z"}
    triggers:
      - expect: [order.created]
        within: 5m
        threshold: 2
        parameters: {greeting: "{{ event.resource.id }}"}
        job_variables: {env: {WHO: "{{ event.payload.who }}"}}
"""
FLOWS = """\
import os
from prefect import flow

@flow(log_prints=True)
def some_work(greeting: str):
    print(greeting, "from", os.environ["PLACE"], os.environ["CONFIG"])
"""


def deploy(prefect: PrefectServer, folder: Path, *arguments: str, code: int = 0) -> Any:
    done = subprocess.run(
        [*AUTOMATIONS, "deploy", "--to", "prefect", *arguments],
        cwd=folder,
        env=clean_environment(PREFECT_API_URL=prefect.url, PLACE="here"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_the_same_file_deploys_to_prefect_and_its_worker_runs_it(prefect: PrefectServer, tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text(FILE)
    (tmp_path / "flows.py").write_text(FLOWS)
    first = deploy(prefect, tmp_path, "--all")
    assert first.stdout == "work pool machines: created\ndeployment some-work/daily: created\n"
    assert "passes templates in job_variables on as they are written" in first.stderr
    assert "deployment some-work/daily: unchanged" in deploy(prefect, tmp_path, "--all").stdout
    again = deploy(prefect, tmp_path, "-n", "daily", "-jv", "env.PLACE=there", "-jv", "stream_output=true")
    assert "deployment some-work/daily: changed job_variables" in again.stdout

    found = prefect.get("/deployments/name/some-work/daily")
    assert found["job_variables"] == {"env": {"PLACE": "there", "CONFIG": "4"}, "stream_output": True}
    assert {(each["slug"], each["active"]) for each in found["schedules"]} == {("nightly", False), (None, True)}
    (automation,) = prefect.get(f"/automations/related-to/prefect.deployment.{found['id']}")
    assert (automation["trigger"]["within"], automation["trigger"]["threshold"]) == (300, 2)

    prefect.start_worker("machines")
    run = prefect.post(f"/deployments/{found['id']}/create_flow_run", {})
    prefect.until(lambda: prefect.get(f"/flow_runs/{run['id']}")["state_type"] == "COMPLETED")

    def logged() -> bool:
        wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
        return "hello from there 4" in {line["message"] for line in prefect.post("/logs/filter", wanted)}

    prefect.until(logged)


def test_what_prefect_refuses_is_told(prefect: PrefectServer, tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text("def f(): ...\n")
    file = "deployments: [{name: a, entrypoint: 'flows.py:f', work_pool: {name: nowhere}}]\n"
    (tmp_path / "prefect.yaml").write_text(file)
    assert (
        "[unknown-work-pool] there is no work pool 'nowhere'" in deploy(prefect, tmp_path, "--all", code=1).stderr
    )
    (tmp_path / "prefect.yaml").write_text(
        "work_pools: [{name: other}]\n"
        "deployments: [{name: a, entrypoint: 'flows.py:f', work_pool: {name: other},"
        " triggers: [{expect: x, where: '{{ true }}'}]}]\n"
    )
    assert "Prefect has no 'where' in a trigger" in deploy(prefect, tmp_path, "--all", code=1).stderr

"""A Prefect server that stays as it is, and the engine beside it: a run fails there, a rule answers here, and the
run that it makes there gets job variables rendered from the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Engine
from with_prefect.server import PrefectServer

FLOWS = """\
import os
from prefect import flow

@flow
def import_orders(customer: str):
    raise RuntimeError(f"the file of {customer} is empty")

@flow(log_prints=True)
def repair(attempt: int):
    print(f"repairing {os.environ['CUSTOMER']}, {os.environ['STATE']}, attempt {attempt}, {os.environ['REGION']}")
"""
RULE = """\
name: repair-failed-imports
trigger:
  expect: prefect.flow-run.Failed
  match_related: {role: flow, name: import-orders}
actions:
  - type: run-deployment
    deployment: repair/machine
    parameters: {attempt: "{{ event.payload.validated_state.type | length }}"}
    job_variables:
      env.CUSTOMER: "{{ event.resource.name }}"
      env.STATE: "{{ event.payload.validated_state.name }}"
    tags: [repair]
"""


@pytest.fixture
def engine(prefect: PrefectServer, tmp_path: Path) -> Iterator[Engine]:
    project = tmp_path / "project"
    (project / "rules").mkdir(parents=True)
    (project / "rules" / "repair.yaml").write_text(RULE)
    (project / "sources.yaml").write_text("sources: [{name: prefect, type: prefect}]\n")
    (project / "automations.toml").write_text('[sinks.prefect]\ntype = "prefect"\ndefault = true\n')
    engine = Engine(project, PREFECT_API_URL=prefect.url)
    yield engine
    engine.kill()


def deployed(prefect: PrefectServer, folder: Path, flow: str, function: str, **more: Any) -> str:
    steps = [{"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}]
    return prefect.deployment(
        flow, "machine", "machines-of-round-trip", entrypoint=f"flows.py:{function}", pull_steps=steps, **more
    )


def test_a_failed_run_there_makes_a_run_there_that_sees_what_the_event_said(
    engine: Engine, prefect: PrefectServer, tmp_path: Path
) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    imports = deployed(prefect, tmp_path, "import-orders", "import_orders")
    repair = deployed(
        prefect, tmp_path, "repair", "repair", job_variables={"env": {"REGION": "eu", "STATE": "none"}}
    )
    prefect.start_worker("machines-of-round-trip")
    body = {"name": "acme-import", "parameters": {"customer": "acme"}}
    prefect.post(f"/deployments/{imports}/create_flow_run", body)

    (run,) = prefect.until(lambda: prefect.runs(repair), 90)
    assert run["job_variables"] == {"env": {"CUSTOMER": "acme-import", "STATE": "Failed"}}
    assert (run["parameters"], run["tags"]) == ({"attempt": 6}, ["repair"])
    prefect.until(lambda: prefect.get(f"/flow_runs/{run['id']}")["state_type"] == "COMPLETED", 90)
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
    said = "repairing acme-import, Failed, attempt 6, eu"
    prefect.until(lambda: said in [line["message"] for line in prefect.post("/logs/filter", wanted)])
    assert len(prefect.runs(repair)) == 1

    (action,) = engine.get("/api/actions")["items"]
    assert (action["state"], action["reference"]) == ("delivered", run["id"])

"""A Prefect server that stays as it is, and the engine beside it, set up as docs/prefect.md says: a run fails
there, a rule answers here, and the run that it makes there gets job variables rendered from the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Engine
from unit.docs.blocks import sections
from with_prefect.server import PrefectServer

FLOWS = """\
import os
from prefect import flow

@flow
def import_orders(customer: str):
    raise RuntimeError(f"the file of {customer} is empty")

@flow(log_prints=True)
def repair(run: str):
    print(f"repairing {run}, {os.environ['STATE']}, {os.environ['FAILED_RUN']}, {os.environ['REGION']}")
"""
GUIDE = Path(__file__).parents[2] / "docs" / "prefect.md"


@pytest.fixture
def engine(prefect: PrefectServer, tmp_path: Path) -> Iterator[Engine]:
    project = tmp_path / "project"
    for block in (block for section in sections(GUIDE) for block in section.blocks if block.kind):
        (project / block.kind).parent.mkdir(parents=True, exist_ok=True)
        (project / block.kind).write_text(block.text)
    engine = Engine(project, PREFECT_API_URL=prefect.url)
    yield engine
    engine.kill()


def deployed(prefect: PrefectServer, folder: Path, flow: str, function: str, **more: Any) -> str:
    steps = [{"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}]
    return prefect.deployment(
        flow, "nightly", "machines-of-round-trip", entrypoint=f"flows.py:{function}", pull_steps=steps, **more
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
    failing = prefect.post(f"/deployments/{imports}/create_flow_run", body)

    (run,) = prefect.until(lambda: prefect.runs(repair), 90)
    failed = f"prefect.flow-run.{failing['id']}"
    assert run["job_variables"] == {"env": {"FAILED_RUN": failed, "STATE": "Failed"}}
    assert run["parameters"] == {"run": "acme-import"}
    prefect.until(lambda: prefect.get(f"/flow_runs/{run['id']}")["state_type"] == "COMPLETED", 90)
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
    said = f"repairing acme-import, Failed, {failed}, eu"
    prefect.until(lambda: said in [line["message"] for line in prefect.post("/logs/filter", wanted)])
    assert len(prefect.runs(repair)) == 1

    (action,) = engine.get("/api/actions")["items"]
    assert (action["state"], action["reference"]) == ("delivered", run["id"])

"""Entrypoints that are Prefect flows, run by our own process pool under an interpreter that has Prefect."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from running import Engine
from with_prefect.server import BIN, PrefectServer

FLOWS = """\
import os
from prefect import flow, task
from prefect.states import Failed

@task
def double(n: int) -> int:
    return 2 * n

@flow(name="Count things", log_prints=True)
def count(n: int = 1):
    print("counted", double(n), "in", os.environ["REGION"])

@flow
async def fails():
    raise ValueError("this went wrong")

@flow
def returns_failed():
    return Failed(message="by its own word")

@flow
async def returns_failed_later():
    return Failed(message="by its own word, later")

@flow
def counts_on(to: int):
    for n in range(to):
        print("number", n)
        yield n
"""
DEPLOYMENTS = """\
work_pools: [{{name: with-prefect}}]
deployments:
  - name: a
    entrypoint: flows.py:count
    work_pool: &pool
      name: with-prefect
      job_variables:
        python: {python}
        env: {{REGION: eu, PREFECT_API_URL: "{url}"}}
  - {{name: a, entrypoint: 'flows.py:fails', work_pool: *pool}}
  - {{name: a, entrypoint: 'flows.py:returns_failed', work_pool: *pool}}
  - {{name: a, entrypoint: 'flows.py:returns_failed_later', work_pool: *pool}}
  - {{name: a, entrypoint: 'flows.py:counts_on', work_pool: *pool}}
  - name: alone
    entrypoint: flows.py:count
    work_pool:
      name: with-prefect
      job_variables:
        python: {python}
        env: {{REGION: eu, PREFECT_HOME: "{home}", PREFECT_SERVER_ANALYTICS_ENABLED: "false"}}
"""


@pytest.fixture(scope="module")
def engine(prefect: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    project = tmp_path_factory.mktemp("project")
    (project / "rules").mkdir()
    (project / "flows.py").write_text(FLOWS)
    (project / "deployments.yaml").write_text(
        DEPLOYMENTS.format(python=BIN / "python", url=prefect.url, home=tmp_path_factory.mktemp("home"))
    )
    engine = Engine(project)
    yield engine
    engine.kill()


def run(engine: Engine, name: str, **body: Any) -> tuple[dict[str, Any], list[str]]:
    status, made = engine.request("POST", f"/api/deployments/{name}/runs", body)
    assert status == 201, made
    path = f"/api/runs/{made['id']}"
    ended = engine.until(lambda: (found := engine.get(path))["ended"] and found, 60)
    return ended, [line["text"] for line in engine.get(f"{path}/logs")["items"]]


def test_a_prefect_flow_runs_and_prefect_sees_it(engine: Engine, prefect: PrefectServer) -> None:
    ended, output = run(engine, "Count%20things/a", parameters={"n": 4}, job_variables={"env.REGION": "asia"})
    assert ended["state"] == "Completed", output
    assert any("counted 8 in asia" in line for line in output)
    runs = prefect.post("/flow_runs/filter", {"flows": {"name": {"any_": ["Count things"]}}})
    assert [(each["state_type"], each["parameters"]) for each in runs] == [("COMPLETED", {"n": 4})]


def test_a_prefect_flow_that_is_a_generator_runs_to_its_end(engine: Engine) -> None:
    ended, output = run(engine, "counts-on/a", parameters={"to": 2})
    assert ended["state"] == "Completed", output
    assert [line for line in output if line.startswith("number")] == ["number 0", "number 1"]


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("fails/a", {}, "ValueError: this went wrong"),
        ("returns-failed/a", {}, "FailedRun: by its own word"),
        ("returns-failed-later/a", {}, "FailedRun: by its own word, later"),
        ("Count%20things/a", {"n": "many"}, "n: Input should be a valid integer"),
    ],
)
def test_a_prefect_flow_that_fails_fails_the_run_with_its_reason(
    engine: Engine, name: str, parameters: dict[str, Any], reason: str
) -> None:
    ended, output = run(engine, name, parameters=parameters)
    assert (ended["state"], ended["exit_code"]) == ("Failed", 1)
    assert reason in ended["message"]
    assert any(reason in line for line in output), output


def test_without_an_address_prefect_starts_a_server_on_loopback_that_ends_with_the_run(engine: Engine) -> None:
    ended, output = run(engine, "Count%20things/alone", parameters={"n": 4})
    assert ended["state"] == "Completed", output
    assert any("counted 8 in eu" in line for line in output)
    address = next(found for line in output if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(address[1])), 5):
        pass

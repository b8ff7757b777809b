"""What a deploy sends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automations.deploy import check_deployments, deploy_request, deployment_changes, with_deployed
from automations.deploy.request import overlaid
from automations.jobs import effective_job_variables
from automations.model.job import Layer
from automations.ports import Deployed

Write = Callable[[str], Path]


@pytest.mark.parametrize(
    ("values", "over", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"B": "3"}}, {"env": {"A": "1", "B": "3"}}),
        ({"env": {"A": "1"}}, {"env.A": "2"}, {"env": {"A": "1"}, "env.A": "2"}),
        ({"env.A": "1", "env.B": "2"}, {"env": {"A": "3"}}, {"env.B": "2", "env": {"A": "3"}}),
        ({"limits.cpu": 1, "limits.ram": 2}, {"limits": {"cpu": 3}}, {"limits": {"cpu": 3}}),
        ({"env": None}, {"env": {"A": "1"}}, {"env": {"A": "1"}}),
        ({}, {"a": None}, {"a": None}),
    ],
)
def test_job_variables_are_laid_over_key_by_key(values: Any, over: Any, expected: Any) -> None:
    assert overlaid(values, over) == expected


FILE = """\
pull: [{git_clone: {repository: r, access_token: {env: TOKEN}}}]
deployments:
  - name: report/nightly
    entrypoint: elsewhere.py:report
    tags: &tags [a]
    work_pool:
      job_variables:
        timeout: 5
        env: {REGION: "{{ $REGION }}"}
"""


def sent(path: Path, job_variables: dict[str, Any]) -> dict[str, Any]:
    return deploy_request(check_deployments(path, {"REGION": "eu"}), "report/nightly", job_variables, "-jv")


def test_what_was_sent_is_read_again_with_every_place(write: Write) -> None:
    path = write(FILE)
    document = sent(path, {"env.ROWS": 3})
    everything = with_deployed(
        check_deployments(path.with_name("none.yaml"), {}),
        [Deployed("deployment", "report/nightly", "deploy", document, "me", 0)],
    )
    assert everything.jobs is not None
    (deployment,) = everything.jobs.deployments
    pools = {pool.name: pool for pool in check_deployments(path, {"REGION": "eu"}).jobs.work_pools}  # type: ignore[union-attr]
    effective = effective_job_variables(pools["default"], deployment, Layer())
    assert effective.values == {"timeout": 5, "env": {"REGION": "eu", "ROWS": "3"}, "stream_output": True}
    assert {pointer: found.origin for pointer, found in effective.provenance.items()} == {
        "/timeout": f"{path}:8:9",
        "/env/REGION": f"{path}:9:15",
        "/env/ROWS": "-jv",
        "/stream_output": "work pool default",
    }
    assert deployment.pull == ({"step": "git_clone", "repository": "r", "access_token": {"env": "TOKEN"}},)
    assert deployment.origin == "deploy"


def test_a_deploy_tells_what_changed_and_not_where_it_is_written(write: Write) -> None:
    before = sent(write(FILE), {})
    after = sent(write("# moved\n" + FILE.replace("timeout: 5", "timeout: 6")), {"env.X": 1})
    assert list(deployment_changes(before, before)) == []
    assert list(deployment_changes(before, sent(write("\n" + FILE), {}))) == []
    assert list(deployment_changes(before, after)) == [
        "work_pool.job_variables.timeout",
        "work_pool.job_variables.env.X",
    ]


def test_what_can_no_longer_be_read_is_left_out_with_its_problems() -> None:
    row = Deployed("deployment", "a/b", "deploy", {"entrypoint": "gone.py:f", "directory": "/nowhere"}, "me", 0)
    found = with_deployed(check_deployments(Path("/nowhere/none.yaml"), {}), [row])
    assert found.jobs is not None
    assert not found.jobs.deployments
    assert "no-file" in {problem.code for problem in found.problems if problem.location.file == "deployment a/b"}

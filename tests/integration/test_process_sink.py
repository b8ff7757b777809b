"""From an action to a run that can be stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from integration.process_pool import SystemClock

from automations.deploy import FileJobs
from automations.errors import JobVariableErrors, NotFoundError, PrepareError
from automations.model.action import ActionRequest
from automations.model.job import Deployment, JobFile, Layer, Provenance, RunSpec, WorkPool
from automations.model.moment import SECOND
from automations.ports import Done
from automations.sinks.process import ProcessSink


@pytest.fixture
def sink(tmp_path: Path) -> ProcessSink:
    deployments = [
        Deployment(
            "fix", "nightly", "flows.py:f", "default", str(tmp_path), job_variables=Layer({"timeout": 9}, "file")
        ),
        Deployment("fix", "away", "flows.py:f", "cluster", str(tmp_path)),
    ]
    return ProcessSink(
        FileJobs(JobFile(deployments, [WorkPool("default"), WorkPool("cluster", "kubernetes")])), SystemClock()
    )


def request(templates: dict[str, str] | None = None, **body: Any) -> ActionRequest:
    fields = {
        "deployment": "nightly",
        "parameters": {},
        "job_variables": {},
        "schedule_after": 0,
        "tags": [],
        **body,
    }
    return ActionRequest(
        "a" * 32,
        "f" * 32,
        "repair",
        "run-deployment",
        "actions",
        0,
        fields,
        templates or {},
        cause="api/1",
        hops=1,
    )


async def test_a_prepared_run_survives_the_outbox_and_is_handed_over_under_the_actions_id(
    sink: ProcessSink,
) -> None:
    prepared = await sink.prepare(request(parameters={"n": 1}, job_variables={"env.X": 4}, tags=["t"]))
    delivered = await sink.deliver(orjson.loads(orjson.dumps(prepared)))
    assert isinstance(delivered, Done)
    run = delivered.run
    assert isinstance(run, RunSpec)
    assert (run.id, run.name, delivered.reference) == ("a" * 32, "nightly-aaaaaaaa", "a" * 32)
    assert (run.automation, run.firing, run.follows, run.hops) == ("repair", "f" * 32, "api/1", 1)
    assert (run.parameters, run.tags, run.scheduled_for) == ({"n": 1}, ("t",), None)
    assert run.job_variables["env"] == {"X": "4"}
    assert run.provenance["/env/X"] == Provenance("run", "automation repair")
    assert run.provenance["/timeout"] == Provenance("deployment", "file")


async def test_what_the_event_filled_is_marked_and_obeys_the_policy(sink: ProcessSink) -> None:
    marks = {"/job_variables/env/X": "{{ event.id }}", "/parameters/n": "{{ event.id }}"}
    prepared = await sink.prepare(request(marks, job_variables={"env": {"X": "1"}}, parameters={"n": 1}))
    assert prepared["provenance"]["/env/X"]["template"] == "{{ event.id }}"
    with pytest.raises(JobVariableErrors) as caught:
        await sink.prepare(request({"/job_variables/command": "t"}, job_variables={"command": "rm"}))
    assert caught.value.code == "policy"


async def test_a_delay_counts_from_the_moment_of_preparing(sink: ProcessSink) -> None:
    before = SystemClock().now()
    prepared = await sink.prepare(request(schedule_after=60 * SECOND))
    assert before + 60 * SECOND <= prepared["scheduled_for"] <= SystemClock().now() + 60 * SECOND


async def test_an_unknown_deployment_is_refused_for_good(sink: ProcessSink) -> None:
    with pytest.raises((PrepareError, NotFoundError), match="did you mean") as caught:
        await sink.prepare(request(deployment="nightli"))
    assert caught.value.code == "not-found"


async def test_a_pool_of_another_type_is_refused(sink: ProcessSink) -> None:
    with pytest.raises(PrepareError, match="of the type 'kubernetes'"):
        await sink.prepare(request(deployment="away"))

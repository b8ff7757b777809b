"""The one way in which a run is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from automations.errors import JobVariableErrors
from automations.jobs import build_run
from automations.model.job import Deployment, Layer, RunSpec, WorkPool

Pools = Callable[..., WorkPool]
Deployments = Callable[..., Deployment]

ID = "0123456789abcdef0123456789abcdef"


def build(pool: WorkPool, deployment: Deployment, values: dict[str, Any] | None = None, **given: Any) -> RunSpec:
    fields: dict[str, Any] = {"id": ID, "parameters": {}, "created_by": "api key ci", **given}
    return build_run(pool, deployment, Layer(values or {}, origin="api key ci"), **fields)


def test_a_run_is_named_after_its_deployment_and_id(pool: Pools, deployment: Deployments) -> None:
    spec = build(pool(), deployment(tags=("a", "b")), tags=["b", "c"], scheduled_for=7, idempotency_key="k")
    assert (spec.id, spec.name, spec.deployment, spec.work_pool) == (ID, "daily-01234567", "etl/daily", "big")
    assert (spec.tags, spec.scheduled_for, spec.idempotency_key) == (("a", "b", "c"), 7, "k")


def test_parameters_lie_over_the_deployments_own(pool: Pools, deployment: Deployments) -> None:
    spec = build(pool(), deployment(parameters={"a": 1, "b": {"x": 1}}), parameters={"b": {"y": 2}})
    assert spec.parameters == {"a": 1, "b": {"y": 2}}


def test_a_spec_survives_the_store(pool: Pools, deployment: Deployments) -> None:
    spec = build(pool(), deployment(), {"cpu": 3}, automation="a", firing="f", follows="s/e", hops=2)
    assert RunSpec.from_dict(orjson.loads(orjson.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize("bad", ["\ud800", 2**70, {1: 2}, object()])
def test_parameters_that_json_cannot_carry_fail_that_run(
    bad: object, pool: Pools, deployment: Deployments
) -> None:
    with pytest.raises(JobVariableErrors, match="the parameters are no JSON"):
        build(pool(), deployment(), parameters={"x": bad})


def test_placeholders_are_filled_typed_or_as_text_or_taken_away(pool: Pools, deployment: Deployments) -> None:
    configuration = {
        "image": "{{ image }}",
        "cpu": "{{ cpu }}",
        "none": "{{ tag }}",
        "inside": "x-{{ tag }}",
        "text": "{{ image }} on {{ cpu }} {{ labels }}",
        "args": ["--cpu", "{{ cpu }}", "{{ tag }}", {"deep": "{{ labels.a }}", "gone": "{{ labels.b }}"}],
        "env": {"CPU": "{{ cpu }}", "DEBUG": "{{ debug }}", "REGION": "{{ env.REGION }}"},
        "left": "{{ $HOME }} {{ prefect.blocks.x y }} {% x %}",
        "number": 4,
    }
    spec = build(pool(job_configuration=configuration), deployment(), {"cpu": 2, "labels": {"a": [1]}})
    assert spec.job == {
        "image": "app:1",
        "cpu": 2,
        "text": 'app:1 on 2 {"a":[1]}',
        "args": ["--cpu", 2, {"deep": [1]}],
        "env": {"CPU": "2", "DEBUG": "false", "REGION": "us"},
        "left": "{{ $HOME }} {{ prefect.blocks.x y }} {% x %}",
        "number": 4,
    }


def test_the_context_of_the_run_is_filled_in(pool: Pools, deployment: Deployments) -> None:
    configuration = {
        "name": "{{ ctx.flow_run.name }}",
        "labels": ["{{ ctx.flow.name }}/{{ ctx.deployment.name }}", "{{ ctx.work_pool.name }}", "{{ ctx.x }}"],
    }
    spec = build(pool(job_configuration=configuration), deployment())
    assert spec.job == {"name": "daily-01234567", "labels": ["etl/daily", "big"]}


def test_what_a_value_holds_is_never_filled_again(pool: Pools, deployment: Deployments) -> None:
    values = {"image": "{{ ctx.flow_run.name }}{{ cpu }}", "cpu": 1}
    spec = build(pool(job_configuration={"a": "{{ image }}", "b": "<{{ image }}>"}), deployment(), values)
    assert spec.job == {"a": values["image"], "b": f"<{values['image']}>"}


def test_a_process_pool_of_its_own_kind_needs_no_declaration(deployment: Deployments) -> None:
    values = {"env": {"N": 1}, "timeout": 2.5, "working_dir": "sub"}
    spec = build(WorkPool("default"), deployment(), values)
    assert spec.job == {"env": {"N": "1"}, "timeout": 2.5, "working_dir": "sub", "stream_output": True}


def test_a_process_pool_that_leaves_a_variable_out_does_not_take_it(deployment: Deployments) -> None:
    pool = WorkPool("no-command", variables={"properties": {"env": {"type": "object"}}})
    with pytest.raises(JobVariableErrors, match="no such variable"):
        build(pool, deployment(), {"command": "rm -rf /"})

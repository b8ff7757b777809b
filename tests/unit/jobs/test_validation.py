"""The effective values against the pool's schema, as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.errors import JobVariableErrors
from automations.jobs import deployment_problems, effective_job_variables, schema_problem
from automations.model.job import Deployment, Layer, WorkPool

Pools = Callable[..., WorkPool]
Deployments = Callable[..., Deployment]


def refusal(pool: WorkPool, deployment: Deployment | Layer, values: dict[str, Any]) -> JobVariableErrors:
    with pytest.raises(JobVariableErrors) as caught:
        effective_job_variables(pool, deployment, Layer(values, origin="api key ci"))
    return caught.value


def test_all_errors_come_at_once_each_with_variable_origin_and_rule(pool: Pools, deployment: Deployments) -> None:
    schema = {**pool().variables, "required": ["owner"]}
    error = refusal(
        pool(variables=schema), deployment({"cpu": "four"}), {"tag": "UPPER", "size": "xl", "evn.X": 1}
    )
    assert error.code == "job-variables"
    assert len(error.errors) == 5
    said = "\n".join(error.errors)
    assert "cpu (deployments.yaml): " in said
    assert 'tag (api key ci): "UPPER" does not match "^[a-z]+$"' in said
    assert 'size (api key ci): "xl" is not one of' in said
    assert "owner: it is required, and no layer gives it" in said
    assert (
        "evn (api key ci): the work pool has no such variable, and the run would ignore it; did you mean 'env'?"
        in said
    )


def test_a_partial_override_is_fine_when_the_deployment_gives_the_rest(
    pool: Pools, deployment: Deployments
) -> None:
    strict = pool(variables={**pool().variables, "required": ["size", "tag"]})
    effective = effective_job_variables(strict, deployment({"size": "s"}), Layer({"tag": "x"}))
    assert effective.values["size"] == "s"
    assert deployment_problems(strict, deployment({"size": "s"})) == []


@pytest.mark.parametrize(
    ("name", "hint"), [("MY_VAR", "env.MY_VAR"), ("imge", "image"), ("CPU", "cpu"), ("resorces", "resources")]
)
def test_an_unknown_variable_is_refused_with_what_was_meant(name: str, hint: str, pool: Pools) -> None:
    assert f"did you mean {hint!r}?" in str(refusal(pool(), Layer(), {name: 42}))


def test_a_variable_that_a_placeholder_uses_is_known(pool: Pools) -> None:
    using = pool(job_configuration={"args": ["--who={{ who }}"]})
    assert effective_job_variables(using, Layer(), Layer({"who": "me"})).values["who"] == "me"


def test_a_pool_may_allow_extras(pool: Pools) -> None:
    assert effective_job_variables(pool(allow_extra=True), Layer(), Layer({"extra": 1})).values["extra"] == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"env": {"X": "a\0b"}}, "env.X (api key ci): the text holds a NUL character"),
        ({"env": {"X": "\ud800"}}, "env.X (api key ci): the value is no JSON: str is not valid UTF-8"),
        ({"env": {"X": {"a": "\ud800"}}}, "env.X (api key ci): the value is no JSON"),
        ({"env": {"X": "x" * 200_000}}, "env.X (api key ci): the text is 200002 bytes long; at most 131071 fit"),
        ({"args": ["ok", "a\0b"]}, "args.1 (api key ci): the text holds a NUL character"),
        ({"args": ["x" * 200_000]}, "args.0 (api key ci): the text is 200000 bytes long"),
        ({"cpu": 2**70}, "cpu (api key ci): the value is no JSON: Integer exceeds 64-bit range"),
        ({"env": {"A=B": "x"}}, "the name of an environment variable is not empty and holds no '='"),
        ({"env": {"": "x"}}, "the name of an environment variable is not empty and holds no '='"),
        ({"env": "A=1"}, "env (api key ci): \"A=1\" is not of type \"object\""),
    ],
    ids=["nul", "surrogate", "surrogate-inside", "200KB", "nul-argument", "200KB-argument", "big", "name",
         "noname", "text-for-env"],
)  # fmt: skip
def test_values_that_no_program_can_be_given_fail_clearly(values: dict[str, Any], said: str, pool: Pools) -> None:
    assert said in str(refusal(pool(), Layer(), values))


def test_a_huge_value_is_not_repeated_in_its_error(pool: Pools) -> None:
    assert len(str(refusal(pool(), Layer(), {"tag": "X" * 100_000}))) < 1000


def test_an_evil_pattern_is_matched_in_linear_time(pool: Pools) -> None:
    evil = pool(variables={"properties": {"tag": {"type": "string", "pattern": "^(a+)+$"}}})
    assert "tag" in str(refusal(evil, Layer(), {"tag": "a" * 50_000 + "!"}))


@pytest.mark.parametrize(
    ("variables", "steps"),
    [
        ({"properties": {"a": {"type": "strin"}}}, ("properties", "a", "type")),
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, ("properties", "a", "pattern")),
        ({"properties": {"a": {"$ref": "#/definitions/none"}}}, ()),
    ],
)
def test_a_schema_that_is_none_is_told_with_its_place(variables: dict[str, Any], steps: tuple[str, ...]) -> None:
    found = schema_problem(variables)
    assert found is not None
    assert found[0] == steps


def test_what_no_run_could_mend_is_a_problem_of_the_deployment(pool: Pools, deployment: Deployments) -> None:
    strict = pool(variables={**pool().variables, "required": ["tag"]})
    found = deployment_problems(strict, deployment({"cpu": 99, "typo": 1}))
    assert [finding.steps for finding in found] == [("typo",), ("cpu",)]

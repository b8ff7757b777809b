"""A rule that can never pass its deployment is told before an event comes."""

from __future__ import annotations

from typing import Any

import pytest

from automations.deploy import FileJobs, rule_problems
from automations.errors import Location
from automations.model.automation import Automation
from automations.model.job import Deployment, JobFile, Layer, WorkPool
from automations.model.ruleset import RuleSet

POOL = WorkPool(
    "pool",
    variables={
        "type": "object",
        "properties": {
            "image": {"type": "string"},
            "cpu": {"type": "integer", "minimum": 1},
            "size": {"type": "string", "enum": ["s", "m"]},
            "env": {"type": "object", "additionalProperties": {"type": "string"}},
            "name": {"type": "string"},
        },
        "required": ["name"],
    },
)
POLICY = {"image": {"pattern": "app:.*"}}


def problems(job_variables: dict[str, Any], deployment: str = "a/b", policy: Any = None) -> list[tuple[str, str]]:
    action = {"type": "run-deployment", "deployment": deployment, "job_variables": job_variables}
    rule = Automation.model_validate({"name": "rule", "trigger": {"expect": "e"}, "actions": [action]})
    target = Deployment("a", "b", "f.py:b", "pool", "/", job_variables=Layer(), job_variable_policy=policy or {})
    found = rule_problems(
        RuleSet((rule,), places={"rule": Location("r.yaml", 1, 1)}), FileJobs(JobFile([target], [POOL]))
    )
    return [(problem.code, problem.message) for problem in found]


@pytest.mark.parametrize(
    "passing",
    [
        {"image": "app:1", "name": "x"},
        {"cpu": 4},
        {"cpu": "{{ event.payload.cpu }}"},
        {"size": "{{ event.payload.size }}"},
        {"env.REGION": "{{ event.payload.region }}", "env": {"STAGE": "prod"}},
        {"cpu": {"__prefect_kind": "jinja", "template": "{{ event.payload.cpu }}"}},
    ],
)
def test_what_some_event_can_pass_is_no_problem(passing: dict[str, Any]) -> None:
    assert problems(passing) == []


def test_a_policy_that_names_the_variable_opens_it() -> None:
    assert problems({"image": "{{ event.payload.image }}"}, policy=POLICY) == []


@pytest.mark.parametrize(
    ("failing", "code", "said"),
    [
        ({"image": "{{ event.payload.image }}"}, "policy", "image: an event may not fill this variable"),
        ({"env.PATH": "{{ event.payload.path }}"}, "policy", "env.PATH: an event may never fill"),
        ({"env": "{{ event.payload.env }}"}, "policy", "by name only"),
        ({"cpu": 0}, "job-variables", "cpu: 0 is less than the minimum of 1"),
        ({"cpu": "4", "size": "{{ event.payload.size }}"}, "job-variables", 'cpu: "4" is not of type "integer"'),
        ({"memory": 4}, "job-variables", "memory"),
        ({"envREGION": "x"}, "job-variables", "envREGION"),
    ],
)
def test_what_no_event_can_pass_is_an_error(failing: dict[str, Any], code: str, said: str) -> None:
    ((found, message),) = problems(failing)
    assert found == code
    assert said in message


def test_a_deployment_that_nobody_knows_is_a_warning_with_the_nearest_name() -> None:
    ((code, message),) = problems({}, deployment="a/bb")
    assert code == "unknown-deployment"
    assert "'rule' runs 'a/bb'" in message

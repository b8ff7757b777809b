from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from automations.engine import compile_rules, evaluate, plan
from automations.model.action import ActionRequest, FailedAction
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet


def fire(event: Event, *actions: dict[str, Any], **trigger: Any) -> tuple[Any, Firing]:
    document = {
        "name": "repair",
        "description": "d",
        "trigger": {"expect": event.name, **trigger},
        "actions": actions,
    }
    index = compile_rules(RuleSet((Automation.model_validate(document),)))
    program = index.programs["repair"]
    return program, evaluate(program, None, event, index.match(event)).firings[0]


def run(**fields: Any) -> dict[str, Any]:
    return {"type": "run-deployment", "deployment": "repair/nightly", **fields}


def plan_one(event: Event, action: dict[str, Any], **trigger: Any) -> ActionRequest | FailedAction:
    program, firing = fire(event, action, **trigger)
    (planned,) = plan(program, firing)
    return planned


def test_job_variables_are_rendered_with_their_own_types(event: Callable[..., Event]) -> None:
    happened = event(payload={"cpu": 4, "sha": "12345e7", "flags": ["a"], "on": True})
    planned = plan_one(
        happened,
        run(
            job_variables={
                "cpu": "{{ event.payload.cpu }}",
                "image": "app:{{ event.payload.sha }}",
                "sha": "{{ event.payload.sha }}",
                "env": {"FLAGS": "{{ event.payload.flags }}", "ON": "{{ event.payload.on }}"},
                "literal": "x",
            }
        ),
    )
    assert isinstance(planned, ActionRequest)
    assert planned.body["job_variables"] == {
        "cpu": 4,
        "image": "app:12345e7",
        "sha": "12345e7",
        "env": {"FLAGS": ["a"], "ON": True},
        "literal": "x",
    }


def test_each_leaf_that_the_event_filled_is_marked_with_its_template(event: Callable[..., Event]) -> None:
    planned = plan_one(
        event(payload={"cpu": 4}),
        run(job_variables={"cpu": "{{ event.payload.cpu }}", "who": "{{ automation.name }}", "literal": "x"}),
    )
    assert isinstance(planned, ActionRequest)
    assert planned.templates == {"/job_variables/cpu": "{{ event.payload.cpu }}"}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ event.resource.id }}", "order.1"),
        ("{{ event.resource['prefect.resource.id'] }}", "order.1"),
        ("{{ event.related[0].role }}", "actor"),
        ("{{ event.name }}", "order.failed"),
        ("{{ event.occurred }}", "2023-11-14T22:13:20Z"),
        ("{{ count }}", 1),
        ("{{ events | length }}", 1),
        ("{{ labels.id }}", "order.1"),
        ("{{ firing.kind }}", "fire"),
        ("{{ automation.description }}", "d"),
        ("{{ flow_run.id }}", "17"),
        ("{{ deployment.name }}", "nightly"),
    ],
)
def test_the_context_holds_what_the_language_promises(
    event: Callable[..., Event], template: str, value: object
) -> None:
    related = [
        {"prefect.resource.id": "user.1", "prefect.resource.role": "actor"},
        {"prefect.resource.id": "prefect.flow-run.17", "prefect.resource.role": "flow-run"},
        {
            "prefect.resource.id": "prefect.deployment.5",
            "prefect.resource.name": "nightly",
            "prefect.resource.role": "deployment",
        },
    ]
    planned = plan_one(event(related=related), run(parameters={"x": template}), for_each=["id"])
    assert isinstance(planned, ActionRequest)
    assert planned.body["parameters"]["x"] == value


def test_one_action_that_cannot_render_does_not_stop_the_others(event: Callable[..., Event]) -> None:
    program, firing = fire(event(), run(parameters={"x": "{{ event.payload.missing }}"}), run(parameters={"x": 1}))
    failed, planned = plan(program, firing)
    assert isinstance(failed, FailedAction)
    assert failed.code == "undefined"
    assert isinstance(planned, ActionRequest)
    assert failed.id != planned.id


def test_text_fields_stay_text(event: Callable[..., Event]) -> None:
    planned = plan_one(
        event(payload={"n": 7}),
        {
            "type": "call-webhook",
            "url": "https://x.example/{{ event.payload.n }}",
            "headers": {"x-n": "{{ event.payload.n }}"},
            "body": {"n": "{{ event.payload.n }}"},
        },
    )
    assert isinstance(planned, ActionRequest)
    assert planned.body["headers"] == {"x-n": "7"}
    assert planned.body["body"] == {"n": 7}
    assert planned.body["url"] == "https://x.example/7"


def test_a_suppressed_firing_plans_nothing(event: Callable[..., Event]) -> None:
    program, firing = fire(event(), run())
    assert plan(program, replace(firing, reason=Reason.THROTTLED)) == []


def test_a_chain_of_more_than_ten_hops_is_cut(event: Callable[..., Event]) -> None:
    assert isinstance(plan_one(event(hops=9), run()), ActionRequest)
    cut = plan_one(event(hops=10), run())
    assert isinstance(cut, FailedAction)
    assert cut.code == Reason.TOO_MANY_HOPS


def test_do_nothing_asks_nothing_of_a_sink(event: Callable[..., Event]) -> None:
    program, firing = fire(event(), {"type": "do-nothing"})
    assert list(plan(program, firing)) == []


def test_an_actions_id_does_not_depend_on_rendered_values(event: Callable[..., Event]) -> None:
    first = plan_one(event(payload={"n": 1}), run(parameters={"x": "{{ event.payload.n }}"}))
    second = plan_one(event(payload={"n": 2}), run(parameters={"x": "{{ event.payload.n }}"}))
    assert first.id == second.id

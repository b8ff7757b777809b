"""Schedules and triggers of a deployment, as automations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automations.deploy import check_deployments
from automations.model.automation import Automation
from automations.model.moment import SECOND, parse_moment
from automations.rulefiles import check_rules

Write = Callable[[str], Path]

HEAD = "deployments:\n  - name: nightly\n    entrypoint: flows.py:nightly_report\n"


def automations(path: Path) -> dict[str, Automation]:
    checked = check_deployments(path, {"PLACE": "here"})
    rules = check_rules([], also=checked.automations)
    assert rules.ruleset is not None, rules.problems
    return {
        automation.name.removeprefix("deployment/nightly-report/nightly/"): automation
        for automation in rules.ruleset
    }


def test_a_schedule_runs_its_deployment_with_its_own_parameters(write: Write) -> None:
    found = automations(write(HEAD + """\
    schedule: {cron: 0 4 * * *, timezone: Europe/Berlin, day_or: true}
    schedules:
      - {interval: 3600, anchor_date: "2026-01-01 00:30:00+00:00", slug: hourly, active: false, replaces: x}
      - {cron: "*/5 * * * *", parameters: {day: x}, job_variables: {timeout: 5}}
"""))  # fmt: skip
    assert set(found) == {"schedule", "hourly", "schedule-2"}
    trigger: Any = found["schedule"].trigger
    assert (trigger.schedule.cron, trigger.schedule.timezone) == ("0 4 * * *", "Europe/Berlin")
    trigger = found["hourly"].trigger
    assert (trigger.schedule.interval, trigger.schedule.anchor_date) == (
        3600 * SECOND,
        parse_moment("2026-01-01T00:30:00Z"),
    )
    assert [found[name].enabled for name in ("schedule", "hourly", "schedule-2")] == [True, False, True]
    (action,) = found["schedule-2"].actions
    assert action.model_dump(include={"deployment", "parameters", "job_variables"}) == {
        "deployment": "nightly-report/nightly",
        "parameters": {"day": "x"},
        "job_variables": {"timeout": 5},
    }


def test_a_trigger_is_a_rule_and_its_templates_are_left_for_the_firing(write: Write) -> None:
    found = automations(write(HEAD + """\
    triggers:
      - name: each-order
        description: null
        match: {kind: gold}
        expect: [order.created]
        job_variables: {env: {REGION: "{{ event.resource.region }}", PLACE: "{{ $PLACE }}"}}
        throttle: {limit: 1, per: 1h}
      - type: compound
        require: any
        enabled: false
        triggers: [{expect: a}, {expect: b}]
"""))  # fmt: skip
    (action,) = found["each-order"].actions
    environment: Any = action.model_dump()["job_variables"]["env"]
    assert environment == {"REGION": "{{ event.resource.region }}", "PLACE": "here"}
    assert found["each-order"].throttle is not None
    assert found["trigger-2"].trigger.type == "compound"
    assert not found["trigger-2"].enabled


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("triggers: [{expect: a, postur: Reactive}]", "4:28 [unknown-key] 'postur' is not a trigger field"),
        ("triggers: [{expect: a, job_variables: {x: '{{ evnt.id }}'}}]", "4:47 warning: [unknown-name]"),
        ("triggers: [{expect: a, within: soon}]", "4:36 [bad-duration]"),
        ("schedules: [{cron: '* * *'}]", "4:24 [bad-cron]"),
        ("schedules: [{timezone: UTC}]", "4:17 [bad-schedule] a schedule has either 'cron' or 'interval'"),
        ("schedules: [{cron: '* * * * *', every: 5}]", "4:37 [unknown-key] 'every' is not a schedule field"),
        ("schedules: [{cron: '* * * * *', active: maybe}]", "[wrong-type] 'enabled' wants true or false"),
    ],
)
def test_what_is_wrong_is_located_in_the_deployment_file(write: Write, written: str, said: str) -> None:
    path = write(HEAD + f"    {written}\n")
    checked = check_deployments(path, {})
    problems = check_rules([], also=checked.automations).problems
    assert [problem for problem in problems if said in str(problem)], [str(problem) for problem in problems]
    assert all(problem.location.file == str(path) for problem in problems)

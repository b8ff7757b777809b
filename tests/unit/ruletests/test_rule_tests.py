"""Rule tests: what passes, what fails, and what a failure says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from automations import ruletests
from automations.errors import RuleFileErrors
from automations.settings import Settings
from automations.wiring.offline import TestReport, run_rule_tests

RULES = """
- name: repair
  trigger: {expect: order.failed, threshold: 2, within: 1m, for_each: customer}
  throttle: {limit: 1, per: 1h}
  actions: [{type: run-deployment, deployment: repair/x, job_variables: {cpu: "{{ event.payload.cpu }}"}}]
- name: watchdog
  trigger: {posture: Proactive, after: job.started, expect: job.done, for_each: job, within: 30s}
  actions: [{type: do-nothing}]
- name: asleep
  enabled: false
  trigger: {expect: order.failed}
  actions: [{type: do-nothing}]
"""
ORDER = "event: order.failed, resource: {id: o, customer: acme}"

Run = Callable[[str], TestReport]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_tests(tests: str) -> TestReport:
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / "a.yaml").write_text(RULES)
        (tmp_path / "rules" / "a_test.yaml").write_text(f"tests:\n{tests}")
        return run_rule_tests([tmp_path / "rules"], Settings(directory=tmp_path))

    return run_tests


def lines(report: TestReport) -> Sequence[str]:
    ((_, found),) = report.results
    return found


def test_what_a_template_yields_is_compared_by_its_type(run: Run) -> None:
    test = """
  - name: t
    events: [{{at: 0, {order}, payload: {{cpu: 4}}}}, {{at: 1, {order}, payload: {{cpu: 4}}}}]
    expect: [{{at: 1s, actions: [{{job_variables: {{cpu: {cpu}}}}}]}}]
"""
    assert lines(run(test.format(order=ORDER, cpu="4"))) == []
    assert lines(run(test.format(order=ORDER, cpu="4.0"))) == []
    failed = lines(run(test.format(order=ORDER, cpu="'4'")))
    assert [line.split() for line in failed if line.strip().startswith(("-  ", "+  "))] == [
        ["-", "cpu:", "'4'"],
        ["+", "cpu:", "4"],
    ]


def test_a_deadline_that_falls_into_downtime_fires_when_the_engine_is_back(run: Run) -> None:
    assert lines(run("""
  - name: t
    events: [{at: 0, event: job.started, resource: {id: j, job: a}}, {down: 90s}]
    expect: [{at: 30s, automation: watchdog, labels: {job: a}, state: triggered}]
""")) == []  # fmt: skip


def test_a_timer_at_the_very_end_fires_and_one_behind_it_does_not(run: Run) -> None:
    test = """
  - name: t
    events: [{{at: 0, event: job.started, resource: {{id: j, job: a}}}}]
    until: {until}
    expect: {expect}
"""
    assert lines(run(test.format(until="30s", expect="[{at: 30s}]"))) == []
    assert lines(run(test.format(until="29s", expect="[]"))) == []


def test_what_a_throttle_holds_back_is_counted_and_not_listed(run: Run) -> None:
    events = ", ".join(f"{{at: {at}, {ORDER}, payload: {{cpu: 1}}}}" for at in (0, 1, 100, 101))
    test = "\n  - name: t\n    events: [{}]\n    expect: [{{at: 1s}}]\n    suppressed: {}\n"
    assert lines(run(test.format(events, 1))) == []
    assert lines(run(test.format(events, 0))) == ["suppressed: expected 0, actual 1"]


def test_a_firing_that_did_not_come_tells_what_came_nearest(run: Run) -> None:
    found = lines(run(f"\n  - name: t\n    events: [{{at: 5, {ORDER}}}]\n    expect: [{{automation: repair}}]\n"))
    assert found[0] == "firing 1 did not come:"
    assert (
        found[-1] == "nearest: 'repair' at 'order.failed' (5s): it was counted, and the threshold is not reached"
    )


def test_a_render_that_fails_is_an_action_that_failed(run: Run) -> None:
    assert lines(run(f"""
  - name: t
    events: [{{at: 0, {ORDER}}}, {{at: 1, {ORDER}}}]
    expect: [{{actions: [{{type: run-deployment, failed: undefined}}]}}]
""")) == []  # fmt: skip


def test_a_disabled_automation_does_not_run_and_is_not_to_be_covered(run: Run) -> None:
    report = run("\n  - name: t\n    events: [{at: 0, event: order.failed, resource: {id: o}}]\n    expect: []\n")
    assert lines(report) == []
    assert list(report.uncovered) == ["repair", "watchdog"]


def test_an_automation_that_a_test_names_and_that_is_not_there_is_an_error_with_the_nearest_name(run: Run) -> None:
    with pytest.raises(RuleFileErrors) as caught:
        run("\n  - name: t\n    automation: repiar\n    events: []\n    expect: []\n")
    (problem,) = caught.value.problems
    assert (problem.code, problem.hint) == ("unknown-automation", "did you mean 'repair'?")
    assert problem.location.line == 3


def test_junit_holds_a_case_for_each_test(run: Run) -> None:
    report = run(
        "\n  - name: good\n    events: []\n    expect: []\n  - name: bad\n    events: []\n    expect: [{}]\n"
    )
    suite = ET.fromstring(ruletests.junit(report.results))[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [(case.get("name"), len(case)) for case in suite] == [("good", 0), ("bad", 1)]

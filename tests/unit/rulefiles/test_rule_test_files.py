"""Files of rule tests: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.rulefiles.marked import places

from automations.errors import RuleFileErrors
from automations.model.moment import SECOND, parse_moment
from automations.model.rule_test import Down, EventOfTest, When
from automations.rulefiles import check_rules, check_tests, load_tests

GOOD = """
tests:
  - name: the third failure within a minute runs the repair once
    start: 2026-02-01T00:00:00Z
    events:
      - {at: 0s, event: order.failed, resource: {id: order.1, customer: acme}, payload: {cpu: 4}}
      - {down: 90s}
      - {at: 2026-02-01T00:00:20Z, event: order.failed, resource: {id: order.1}, received: 25s, hops: 2, id: e1}
    until: 90s
    expect:
      - at: 20s
        automation: repair-orders
        labels: {customer: acme}
        actions:
          - {type: run-deployment, job_variables: {cpu: 4, env: {CUSTOMER: acme}}}
          - {failed: undefined}
      - {state: resolved}
  - {name: silence, events: [], expect: []}
  - {name: throttled, events: [], suppressed: 2, automation: repair-orders}
"""


def test_a_file_loads_as_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "orders_test.yaml"
    file.parent.mkdir()
    file.write_text(GOOD)
    first, silence, throttled = load_tests(tmp_path)
    test = first.test
    assert (first.file, str(first.location)) == (file, f"{file}:3:5")
    assert [str(place) for place in first.expected] == [f"{file}:11:9", f"{file}:17:9"]
    assert test.start == parse_moment("2026-02-01T00:00:00Z")
    failed, stop, late = test.events
    assert isinstance(failed, EventOfTest)
    assert isinstance(late, EventOfTest)
    assert (failed.at, failed.source, failed.received) == (When(0), "test", None)
    assert failed.resource == {"prefect.resource.id": "order.1", "customer": "acme"}
    assert stop == Down(down="90s")
    assert (late.at.after(test.start) - test.start, late.received, late.hops) == (
        20 * SECOND,
        When(25 * SECOND),
        2,
    )
    assert test.until == When(90 * SECOND)
    fired, resolved = test.expect or ()
    assert (fired.at, fired.automation, fired.labels) == (When(20 * SECOND), "repair-orders", {"customer": "acme"})
    run, unknown = fired.actions or ()
    assert (run.type, run.model_extra) == (
        "run-deployment",
        {"job_variables": {"cpu": 4, "env": {"CUSTOMER": "acme"}}},
    )
    assert unknown.failed == "undefined"
    assert (resolved.state, resolved.actions) == ("resolved", None)
    assert (silence.test.expect, silence.test.start) == ((), parse_moment("2026-01-01T00:00:00Z"))
    assert (throttled.test.expect, throttled.test.suppressed) == (None, 2)


def test_test_files_are_no_rule_files_and_rule_files_no_test_files(tmp_path: Path) -> None:
    (tmp_path / "a_test.yaml").write_text(GOOD)
    (tmp_path / "a.yaml").write_text("name: a")
    (tmp_path / ".b_test.yaml").write_text("tests: 5")
    assert [problem.location.file for problem in check_rules([tmp_path]).problems] == [
        str(tmp_path / "a.yaml")
    ] * 2
    assert len(load_tests(tmp_path)) == 3


MISTAKES = [
    ("^5", "[wrong-type] the document wants a mapping, not 5"),
    ("^test: []", "[unknown-key] 'test' is not a test file field; did you mean 'tests'?"),
    ("tests: ^5", "[wrong-type] 'tests' wants a list, not 5"),
    ("tests: [^{events: [], expect: []}]", "[missing-key] a test needs 'name'"),
    (
        "tests: [^{name: a, events: []}]",
        "[no-claim] the test claims nothing; write 'expect' ([] for silence)",
    ),
    (
        "tests: [{name: a, events: [^{at: 5, resource: {id: x}}], expect: []}]",
        "[missing-key] a test event needs 'event'",
    ),
    (
        "tests: [{name: a, events: [{at: 5, ^evnt: x, resource: {id: x}}], expect: []}]",
        "[unknown-key] 'evnt' is not a test event field; did you mean 'event'?",
    ),
    (
        "tests: [{name: a, events: [{at: 5, event: x, resource: ^{customer: x}}], expect: []}]",
        "[missing-key] the 'resource' of an event needs 'id'",
    ),
    (
        "tests: [{name: a, events: [{at: ^soon, event: x, resource: {id: x}}], expect: []}]",
        "[bad-time] 'soon' is no duration; write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
    ),
    (
        "tests: [{name: a, events: [{at: ^2026-01-01, event: x, resource: {id: x}}], expect: []}]",
        "[bad-time] '2026-01-01' is no RFC 3339 time with an offset, such as 2026-01-01T00:00:00Z",
    ),
    (
        "tests: [{name: a, events: [{down: ^0}], expect: []}]",
        "[bad-value] 'down' is more than 0, not 0",
    ),
    (
        "tests: [{name: a, start: ^5, events: [], expect: []}]",
        "[bad-time] a start is a time such as 2026-01-01T00:00:00Z",
    ),
    (
        "tests: [{name: a, events: [], expect: [{^automaton: x}]}]",
        "[unknown-key] 'automaton' is not a firing field; did you mean 'automation'?",
    ),
    (
        "tests: [{name: a, events: [], expect: [{state: ^fired}]}]",
        "[bad-value] 'state' is one of triggered, resolved, not 'fired'; did you mean 'triggered'?",
    ),
    (
        "tests: [{name: a, events: [], expect: [{actions: [{failed: ^render}]}]}]",
        "[bad-value] 'failed' is one of undefined, type, limit, policy, refused, not 'render'",
    ),
    (
        "tests: [{name: a, events: [], suppressed: ^-1}]",
        "[bad-value] 'suppressed' is at least 0, not -1",
    ),
]


@pytest.mark.parametrize(("marked", "expected"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, marked: str, expected: str) -> None:
    (tmp_path / "a_test.yaml").write_text(marked.replace("^", ""))
    (problem,) = check_tests([tmp_path]).problems
    assert {(problem.location.line, problem.location.column)} == places(marked)
    assert str(problem).removeprefix(f"{problem.location} ") == expected


def test_every_problem_of_every_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a_test.yaml").write_text("tests: 5")
    (tmp_path / "b_test.yaml").write_text("tests: [")
    (tmp_path / "c_test.yaml").write_text("tests: []\n---\nfoo: 1\n")
    with pytest.raises(RuleFileErrors) as caught:
        load_tests(tmp_path)
    assert [problem.code for problem in caught.value.problems] == [
        "wrong-type",
        "yaml-syntax",
        "missing-key",
        "unknown-key",
    ]


def test_a_name_is_taken_once_in_a_file(tmp_path: Path) -> None:
    one = "{name: a, events: [], expect: []}"
    (tmp_path / "a_test.yaml").write_text(f"tests: [{one}, {one}]")
    (tmp_path / "b_test.yaml").write_text(f"tests: [{one}]")
    checked = check_tests([tmp_path])
    assert [str(problem.location) for problem in checked.problems] == [f"{tmp_path}/a_test.yaml:1:45"]
    assert len(checked.tests) == 2


def test_a_folder_without_tests_has_none(tmp_path: Path) -> None:
    assert load_tests(tmp_path) == []

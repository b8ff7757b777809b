from __future__ import annotations

from pathlib import Path

import pytest

from automations.rulefiles import RuleFileErrors, check_rules, load_rules

GOOD = """
name: repair
trigger: {expect: order.failed, match: {id: "order.*"}, for_each: [customer], threshold: 3, within: 1m}
actions:
  - {type: run-deployment, deployment: repair/nightly, job_variables: {env.N: "{{ count }}"}}
"""
QUIET = "actions: [{type: do-nothing}]"


def lines(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "r.yaml"
    file.write_text(text)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in check_rules([tmp_path]).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: a\ntrigger: {expct: x}\n" + QUIET,
            "r.yaml:2:11 [unknown-key] 'expct' is not a trigger field; did you mean 'expect'?",
        ),
        ("trigger: {expect: x}\n" + QUIET, "r.yaml:1:1 [missing-key] an automation needs 'name'"),
        (
            "name: a\nenabled: no\ntrigger: {expect: x}\n" + QUIET,
            "r.yaml:2:10 [wrong-type] 'enabled' wants true or false, not 'no'; write false",
        ),
        (
            "name: a\ntrigger: {expect: x, within: 5 minutes}\n" + QUIET,
            "r.yaml:2:30 [bad-duration] '5 minutes' is no duration; "
            "write seconds as a number, or '30s', '5m', '1h30m', 'PT5M'",
        ),
        (
            "name: a\ntrigger: {expect: x, threshold: 3}\n" + QUIET,
            "r.yaml:2:10 [no-window] threshold 3 needs a 'within' above 0",
        ),
        (
            "name: a\ntrigger: {expect: x, after: y}\n" + QUIET,
            "r.yaml:2:22 [not-supported] 'after' is not run by this version yet",
        ),
        (
            "name: a\ntrigger: {type: compound}\n" + QUIET,
            "r.yaml:2:11 [not-supported] the trigger type 'compound' is not run by this version yet",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deploymnt}]",
            "r.yaml:3:18 [bad-value] 'type' is one of run-deployment, call-webhook, do-nothing, "
            "not 'run-deploymnt'; did you mean 'run-deployment'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: emit-event}]",
            "r.yaml:3:12 [not-supported] the action type 'emit-event' is not run by this version yet",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n- {type: call-webhook, url: 'https://{{ x() }}'}",
            "r.yaml:4:29 [bad-template] calls are not part of the language; "
            "use a filter, such as | items, | upper, | length",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n- {type: call-webhook, url: 'https://{{ evnt.id }}'}",
            "r.yaml:4:29 warning: [unknown-name] no template can read 'evnt'; did you mean 'event'?",
        ),
        (
            "name: a\ntrigger: {}\nactions: [{type: call-webhook, url: 'https://x'}]",
            "r.yaml:2:1 [matches-everything] the trigger matches every event, and the actions run something; "
            "name the events in 'expect', or filter by 'match'",
        ),
        (
            "name: a\ntrigger: {expect: x, match: {id: 5}}\n" + QUIET,
            "r.yaml:2:34 [bad-label-value] labels are text; write 5 in quotes",
        ),
        (
            "name: a\ntrigger: {expect: x, match: {id: a, prefect.resource.id: b}}\n" + QUIET,
            "r.yaml:2:29 [bad-label] 'id' stands for 'prefect.resource.id'; write one",
        ),
        (
            "name: a\ntrigger: {expect: x, for_each: 'related:x'}\n" + QUIET,
            "r.yaml:2:32 [bad-group] 'related:x' is no group label; write a label of the resource, "
            "'related:<role>:<label>' or 'payload.<path>'",
        ),
        ("just text", "r.yaml:1:1 [wrong-type] an automation is a mapping with 'name', 'trigger' and 'actions'"),
    ],
)
def test_each_mistake_is_one_line_with_its_place_and_its_mend(tmp_path: Path, text: str, expected: str) -> None:
    assert lines(tmp_path, text) == [expected]


def test_all_errors_of_all_files_are_told_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.yml").write_text("name: b\ntrigger: {x: 1, y: 2}\n" + QUIET)
    (tmp_path / "a.json").write_text(
        '{"name": 5, "trigger": {"expect": "x"}, "actions": [{"type": "do-nothing"}]}'
    )
    (tmp_path / "c.yaml").write_text("a: [")
    with pytest.raises(RuleFileErrors) as caught:
        load_rules(tmp_path)
    assert [problem.code for problem in caught.value.problems] == [
        "wrong-type",
        "yaml-syntax",
        "unknown-key",
        "unknown-key",
    ]


def test_the_three_forms_and_several_documents_load(tmp_path: Path) -> None:
    rule = "{name: %s, trigger: {expect: x}, actions: [{type: do-nothing}]}"
    (tmp_path / "a.yaml").write_text(
        f"{rule % 'a'}\n---\n- {rule % 'b'}\n- {rule % 'c'}\n---\nautomations: [{rule % 'd'}]\n"
    )
    (tmp_path / "a_test.yaml").write_text("tests: []")
    (tmp_path / "sources.yaml").write_text("sources: []")
    assert [automation.name for automation in load_rules(tmp_path)] == ["a", "b", "c", "d"]


def test_a_duplicate_name_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    assert lines(tmp_path, GOOD) == [
        "r.yaml:2:1 [duplicate-name] the name 'repair' is taken: "
        f"another automation has it at {tmp_path}/a.yaml:2:1; give each automation a name of its own"
    ]


def test_the_revision_is_of_what_the_rules_say(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(GOOD)
    first = load_rules(tmp_path)
    file.write_text("# a comment\n" + GOOD.replace("within: 1m", "within: 60"))
    assert load_rules(tmp_path).revision == first.revision
    file.write_text(GOOD.replace("within: 1m", "within: 2m"))
    assert load_rules(tmp_path).revision != first.revision


def test_a_missing_folder_is_an_error_and_an_empty_one_a_warning(tmp_path: Path) -> None:
    assert [p.code for p in check_rules([tmp_path / "missing"]).problems] == ["no-file"]
    empty = check_rules([tmp_path])
    assert [p.severity for p in empty.problems] == ["warning"]
    assert empty.ruleset is not None


def test_a_rule_as_prefect_writes_it_loads(tmp_path: Path) -> None:
    (tmp_path / "prefect.yml").write_text(
        """
name: on failure
description: ''
enabled: true
tags: []
trigger:
  type: event
  match: {prefect.resource.id: prefect.flow-run.*}
  match_related: {prefect.resource.id: prefect.flow.abc, prefect.resource.role: flow}
  expect: [prefect.flow-run.Failed]
  for_each: [prefect.resource.id]
  posture: Reactive
  threshold: 1
  within: 0
actions:
  - {type: run-deployment, source: selected, deployment: a/b, parameters: {}, job_variables: {}}
"""
    )
    (automation,) = load_rules(tmp_path)
    assert automation.trigger.immediate

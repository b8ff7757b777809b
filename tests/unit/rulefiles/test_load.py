from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from unit.rulefiles.changes import changed_rules

from automations.model.action_document import RunDeployment
from automations.model.automation import Automation
from automations.model.trigger import EventTrigger
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


def test_the_first_hundred_mistakes_of_a_rule_are_told_and_the_number_of_the_rest(tmp_path: Path) -> None:
    told = lines(tmp_path, f"name: a\ntrigger: {{{', '.join(f'k{n}: 1' for n in range(150))}}}\n{QUIET}")
    assert (told[0], len(told)) == ("r.yaml:1:1 [too-many] there are 50 more problems in it", 101)


def test_each_misspelt_key_excuses_only_the_key_of_its_own_mapping(tmp_path: Path) -> None:
    first, second = "- {type: emit-event, evnt: x, resource: {id: y}}\n", "- {type: emit-event, resource: {id: y}}"
    rule = f"name: a\ntrigger: {{expect: x}}\nactions:\n{first}{second}"
    assert [line.split(";")[0] for line in lines(tmp_path, rule)] == [
        "r.yaml:4:22 [unknown-key] 'evnt' is not an emit-event field",
        "r.yaml:5:3 [missing-key] an emit-event needs 'event'",
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


def test_an_alias_of_an_automation_is_a_duplicate_and_not_a_second_one(tmp_path: Path) -> None:
    rule = "{name: a, trigger: {expect: x}, actions: [{type: do-nothing}]}"
    assert lines(tmp_path, f"- &a {rule}\n- *a\n") == [
        f"r.yaml:2:3 [duplicate-name] the name 'a' is taken: another automation has it at {tmp_path}/r.yaml:1:7; "
        "give each automation a name of its own"
    ]


def test_a_mistake_that_aliases_share_is_told_once(tmp_path: Path) -> None:
    shared = "{type: call-webhook, url: 'https://x', hedders: {}}"
    text = f"name: a\ntrigger: {{expect: x}}\nactions:\n- &a {shared}\n- *a\n- *a\n"
    assert lines(tmp_path, text) == [
        "r.yaml:4:45 [unknown-key] 'hedders' is not a call-webhook field; did you mean 'headers'?"
    ]


def test_the_revision_is_of_what_the_rules_say(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(GOOD)
    first = load_rules(tmp_path)
    file.write_text("# a comment\n" + GOOD.replace("within: 1m", "within: 60"))
    assert load_rules(tmp_path).revision == first.revision
    file.write_text(GOOD.replace("within: 1m", "within: 2m"))
    assert load_rules(tmp_path).revision != first.revision


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
  after: []
  posture: Reactive
  threshold: 1
  within: 0
actions:
  - {type: run-deployment, source: selected, deployment: a/b, deployment_id: null, parameters: null}
actions_on_trigger: []
actions_on_resolve: []
owner_resource: null
"""
    )
    (automation,) = load_rules(tmp_path)
    assert automation.trigger.immediate
    assert automation.actions == (RunDeployment(type="run-deployment", deployment="a/b"),)


def test_a_rule_loads_as_the_model_that_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD)
    ruleset = load_rules(tmp_path)
    assert ruleset.automations == (
        Automation(
            name="repair",
            trigger=EventTrigger(
                expect="order.failed",
                match={"prefect.resource.id": "order.*"},
                for_each=["customer"],
                threshold=3,
                within="1m",
            ),
            actions=[
                RunDeployment(
                    type="run-deployment", deployment="repair/nightly", job_variables={"env.N": "{{ count }}"}
                )
            ],
        ),
    )
    assert ruleset.automations[0].trigger.within == 60_000_000
    assert str(ruleset.places["repair"]) == f"{tmp_path}/r.yaml:2:1"


def test_the_rules_of_the_repository_load() -> None:
    assert check_rules([Path(__file__).parents[3] / "rules"]).problems == []


@settings(max_examples=200, deadline=None)
@given(changed_rules())
def test_whatever_a_file_says_it_loads_or_has_a_located_error(
    tmp_path_factory: pytest.TempPathFactory, rule: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.json"
    file.write_text(json.dumps(rule, indent=1))
    result = check_rules([file])
    errors = [problem for problem in result.problems if problem.severity == "error"]
    assert (result.ruleset is None) == bool(errors)
    length = len(file.read_text().split("\n"))
    assert all(1 <= problem.location.line <= length and problem.location.column for problem in result.problems)

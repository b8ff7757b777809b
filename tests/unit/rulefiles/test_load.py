from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.model.automation import Automation, EventTrigger, RunDeployment
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
            "r.yaml:2:17 [not-supported] the type 'compound' is not run by this version yet",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deploymnt}]",
            "r.yaml:3:18 [bad-value] 'type' is one of run-deployment, call-webhook, do-nothing, "
            "not 'run-deploymnt'; did you mean 'run-deployment'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: emit-event}]",
            "r.yaml:3:18 [not-supported] the type 'emit-event' is not run by this version yet",
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
        (
            "name: a\ntrigger: {expect: 5}\n" + QUIET,
            "r.yaml:2:19 [wrong-type] one text or a list of texts is wanted here",
        ),
        (
            "name: a\ntrigger: {type: [a]}\n" + QUIET,
            "r.yaml:2:17 [bad-value] 'type' is event, not a list",
        ),
        (
            "name: a\ntrigger: {expect: x, threshold: 0}\n" + QUIET,
            "r.yaml:2:33 [bad-value] 'threshold' is at least 1, not 0",
        ),
        (
            "name: a\ntrigger: {expect: x, threshold: true}\n" + QUIET,
            "r.yaml:2:33 [wrong-type] 'threshold' wants a whole number, not true",
        ),
        ("name: ''\ntrigger: {expect: x}\n" + QUIET, "r.yaml:1:7 [bad-value] 'name' must not be empty"),
        ("name: a\n" + QUIET, "r.yaml:1:1 [missing-key] an automation needs 'trigger'"),
        (
            "nme: a\ntrigger: {expect: x}\n" + QUIET,
            "r.yaml:1:1 [unknown-key] 'nme' is not an automation field; did you mean 'name'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nthrottle: {limit: 1, per: 0s}\n" + QUIET,
            "r.yaml:3:27 [bad-value] 'per' is more than 0, not '0s'",
        ),
        (
            "name: a\ntrigger: {expect: x}\nthrottle: {limit: 1, per: 1, for_each: ['related:x']}\n" + QUIET,
            "r.yaml:3:40 [bad-group] 'related:x' is no group label; write a label of the resource, "
            "'related:<role>:<label>' or 'payload.<path>'",
        ),
        (
            "name: a\ntrigger: {expect: x}\nthrottle: {limit: 1, per: 1, for_each: [a, payload.]}\n" + QUIET,
            "r.yaml:3:44 [bad-group] 'payload.' is no payload path; "
            "write payload.<key>, and a dotted key in quotes",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{deployment: x}]",
            "r.yaml:3:11 [missing-key] each of 'actions' needs 'type'; "
            "the types are run-deployment, call-webhook, do-nothing",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: call-webhook}]",
            "r.yaml:3:11 [missing-key] a call-webhook needs 'url'",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deployment, deploymnt: x}]",
            "r.yaml:3:34 [unknown-key] 'deploymnt' is not a run-deployment field; did you mean 'deployment'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deployment, run-deployment: y, deployment: x}]",
            "r.yaml:3:34 [unknown-key] 'run-deployment' is not a run-deployment field; did you mean 'deployment'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deployment, deployment_id: 1-2}]",
            "r.yaml:3:34 [not-supported] 'deployment_id' is not run by this version yet; "
            "write the deployment's name in 'deployment'",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: run-deployment, source: inferred}]",
            "r.yaml:3:42 [not-supported] the source 'inferred' is not run by this version yet",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions: [{type: call-webhook, url: 'https://x', method: post}]",
            "r.yaml:3:58 [bad-value] 'method' is one of POST, PUT, PATCH, GET, DELETE, not 'post'; "
            "did you mean 'POST'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n- {type: run-deployment, deployment: '{{ labels.x }}'}",
            "r.yaml:4:38 warning: [not-templated] 'deployment' is taken literally: it is never templated",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n"
            "- {type: run-deployment, deployment: x, parameters: {a: [1, '{{ evnt.id }}']}}",
            "r.yaml:4:61 warning: [unknown-name] no template can read 'evnt'; did you mean 'event'?",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n"
            "- {type: run-deployment, deployment: x, parameters: {a: [{'{{ count }}': 1}]}}",
            "r.yaml:4:59 warning: [template-in-key] the key '{{ count }}' is taken literally: "
            "keys are never templated",
        ),
        (
            "name: a\ntrigger: {expect: x}\nactions:\n"
            "- {type: call-webhook, url: 'https://x', body: {__prefect_kind: jinja, template: '{{ x( }}'}}",
            "r.yaml:4:82 [bad-template] unexpected '}', expected ')'",
        ),
        (
            "automations: []\ntags: [a]\n",
            "r.yaml:2:1 [unknown-key] 'tags' must not stand beside 'automations'; "
            "put it into one of the automations",
        ),
        (
            "automations: 5",
            "r.yaml:1:14 [wrong-type] an automation is a mapping with 'name', 'trigger' and 'actions'",
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


def test_what_is_not_run_yet_hides_no_other_mistake(tmp_path: Path) -> None:
    rule = (
        "{name: a, nme: b, trigger: {expct: x, after: y, posture: Proactive, threshold: 0}, "
        "actions_on_resolve: [{type: do-nothing}], "
        "actions: [{type: run-deployment, deployment_id: x, tgs: y}, "
        "{type: emit-event, event: z}, {type: nothing}]}"
    )
    expected = [
        ("nme", "[unknown-key] 'nme' is not an automation field"),
        ("expct", "[unknown-key] 'expct' is not a trigger field"),
        ("after", "[not-supported] 'after' is not run by this version yet"),
        ("Proactive", "[not-supported] the posture 'Proactive' is not run by this version yet"),
        ("0}", "[bad-value] 'threshold' is at least 1, not 0"),
        ("actions_on_resolve", "[not-supported] 'actions_on_resolve' is not run by this version yet"),
        ("deployment_id", "[not-supported] 'deployment_id' is not run by this version yet"),
        ("tgs", "[unknown-key] 'tgs' is not a run-deployment field"),
        ("emit-event", "[not-supported] the type 'emit-event' is not run by this version yet"),
        ("nothing}]}", "[bad-value] 'type' is one of run-deployment, call-webhook, do-nothing, not 'nothing'"),
    ]
    assert [line.split(";")[0] for line in lines(tmp_path, rule)] == [
        f"r.yaml:1:{rule.index(text) + 1} {message}" for text, message in expected
    ]


@pytest.mark.parametrize("field", ["after", "grace", "match_payload", "where", "triggers", "metric", "schedule"])
def test_a_field_of_the_language_is_never_mistaken_for_an_unknown_key(tmp_path: Path, field: str) -> None:
    (line,) = lines(tmp_path, f"name: a\ntrigger: {{expect: x, {field}: y}}\n{QUIET}")
    assert line == f"r.yaml:2:22 [not-supported] {field!r} is not run by this version yet"


def test_each_misspelt_key_excuses_only_the_key_of_its_own_mapping(tmp_path: Path) -> None:
    first, second = "- {type: run-deployment, deploymnt: x}\n", "- {type: run-deployment}\n"
    rule = f"name: a\ntrigger: {{expect: x}}\nactions:\n{first}{second}"
    assert [line.split(";")[0] for line in lines(tmp_path, rule)] == [
        "r.yaml:4:26 [unknown-key] 'deploymnt' is not a run-deployment field",
        "r.yaml:5:3 [missing-key] a run-deployment needs 'deployment'",
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


TEXTS = st.sampled_from(["", "event", "compound", "{{ x", "payload."])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | TEXTS
FIELDS = st.sampled_from(["type", "id", "after", "name", "__prefect_kind", "{{"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=2),
    max_leaves=4,
)
RULE = {
    "name": "a",
    "trigger": {
        "type": "event",
        "match": {"id": "x"},
        "match_related": [{"role": "x"}],
        "for_each": ["payload.a"],
    },
    "throttle": {"limit": 1, "per": "1m", "for_each": ["related:a:b"]},
    "actions": [
        {"type": "run-deployment", "deployment": "a/b", "parameters": {"a": ["{{ event.id }}"]}, "tags": ["a"]},
        {"type": "call-webhook", "url": "https://x", "headers": {"a": "b"}, "body": {"c": [1]}},
    ],
}


def paths(value: Any) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((step, *path) for step, item in inside for path in paths(item))]


def put(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at the path; the same where an earlier change took the path away."""
    if not path:
        return value
    if isinstance(whole, dict) and path[0] in whole:
        return {**whole, path[0]: put(whole[path[0]], path[1:], value)}
    if isinstance(whole, list) and isinstance(path[0], int) and path[0] < len(whole):
        return [put(item, path[1:], value) if at == path[0] else item for at, item in enumerate(whole)]
    return whole


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(RULE)[1:]), VALUES), min_size=1, max_size=3))
def test_whatever_a_file_says_it_loads_or_has_a_located_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    rule: Any = RULE
    for path, value in changes:
        rule = put(rule, path, value)
    file = tmp_path_factory.getbasetemp() / "fuzz.json"
    file.write_text(json.dumps(rule, indent=1))
    result = check_rules([file])
    errors = [problem for problem in result.problems if problem.severity == "error"]
    assert (result.ruleset is None) == bool(errors)
    length = len(file.read_text().split("\n"))
    assert all(1 <= problem.location.line <= length and problem.location.column for problem in result.problems)

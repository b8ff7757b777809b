"""What an import writes, says and refuses, of automations as a Prefect server tells them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.model.automation import Automation
from automations.rulefiles import read_yaml
from automations.rulefiles.prefect_import import ImportedRule, import_rules
from automations.rulefiles.yaml_text import yaml_text

ID = "b8d9c0a1-7d61-4f73-9a4e-51b7c9f0d2e3"
OTHER = "c8d9c0a1-7d61-4f73-9a4e-51b7c9f0d2e3"
TRIGGER = {"type": "event", "id": ID, "match": {}, "match_related": {}, "after": [], "expect": ["b", "a"],
           "for_each": [], "posture": "Reactive", "threshold": 1, "within": 0.0}  # fmt: skip


def automation(**fields: Any) -> dict[str, Any]:
    made = {"id": ID, "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", "name": "n"}
    told = {
        "description": "",
        "enabled": True,
        "tags": [],
        "trigger": TRIGGER,
        "actions": [{"type": "do-nothing"}],
    }
    empty = {"actions_on_trigger": [], "actions_on_resolve": [], "owner_resource": None}
    return {**made, **told, **empty, **fields}


def imported(**fields: Any) -> ImportedRule:
    (rule,) = import_rules([automation(**fields)])
    return rule


def read(rule: ImportedRule) -> Automation:
    assert rule.text is not None, rule.problems
    documents, problems = read_yaml(rule.text, rule.file)
    assert problems == []
    return Automation.model_validate(documents[0].data)


def test_a_file_holds_what_a_person_would_have_written() -> None:
    rule = imported(
        name="Tell me: now!", description="one\ntwo\n", trigger={**TRIGGER, "within": 90.0, "threshold": 3}
    )
    assert (rule.file, rule.notes, rule.problems) == ("tell-me-now.yaml", [], [])
    assert rule.text == (
        "name: 'Tell me: now!'\n"
        "description: |\n  one\n  two\n"
        "enabled: true\n"
        "trigger:\n  type: event\n  expect:\n  - a\n  - b\n  posture: Reactive\n  threshold: 3\n  within: 1m30s\n"
        "actions:\n- type: do-nothing\n"
    )


def test_a_fraction_of_a_second_stays_what_it_is() -> None:
    assert read(imported(trigger={**TRIGGER, "within": 1.5, "threshold": 2})).trigger.within == 1_500_000


def test_names_and_files_are_unique() -> None:
    found = [automation(name=name) for name in ("a b", "a b", "A-B", "a b (2)", "???", "")]
    rules = import_rules(found)
    assert [rule.name for rule in rules] == ["a b", "a b (2)", "A-B", "a b (2) (2)", "???", ""]
    assert [rule.file for rule in rules] == [
        "a-b.yaml", "a-b-2.yaml", "a-b-3.yaml", "a-b-2-2.yaml", "automation.yaml", "automation-2.yaml",
    ]  # fmt: skip
    assert rules[1].notes == ["it is called 'a b (2)' here: another one has its name, and names are unique"]
    assert rules[-1].text is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"actions": [{"type": "declare-incident"}]}, "bad-value"),
        ({"trigger": {"type": "metric", "posture": "Metric", "metric": {"name": "lateness"}}}, "prefect-metric"),
        ({"trigger": {**TRIGGER, "threshold": 3}}, "no-window"),
        ({"trigger": {**TRIGGER, "expect": []}, "actions": [{"type": "cancel-flow-run"}]}, "matches-everything"),
        ({"trigger": {"type": "sequence", "triggers": [TRIGGER], "within": None}}, "few-parts"),
        ({"trigger": None}, "wrong-type"),
        ({"actions": [{"type": "call-webhook", "block_document_id": ID, "payload": "{{ a b }}"}]}, "bad-template"),
        ({"name": "x" * 256}, "bad-value"),
        ({"description": "\ud800"}, "yaml-syntax"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_says_why(fields: dict[str, Any], code: str) -> None:
    rule = imported(**fields)
    assert rule.text is None
    assert code in {problem.code for problem in rule.problems}


def test_what_means_something_else_here_is_told() -> None:
    block = {"type": "call-webhook", "block_document_id": ID, "payload": "{}"}
    rule = imported(
        account=ID,
        actor={"id": "x"},
        trigger={**TRIGGER, "match": {"k": ["a?", "b*"]}, "match_related": [{"l": "[c]"}]},
        actions=[block],
        actions_on_resolve=[{"type": "run-deployment", "deployment_id": ID, "job_variables": {"a": "{{ x }}"}}],
    )
    assert read(rule).actions[0].block_document_id == ID
    assert rule.notes == [
        "'actor' is left out: it means nothing here",
        "k: 'a?' is matched as it stands; there '?' and '[' were wildcards",
        "l: '[c]' is matched as it stands; there '?' and '[' were wildcards",
        "actions[0]: this call-webhook goes through a block, which no sink can; write 'url' instead",
        "actions_on_resolve[0]: job_variables.a is rendered from the event now: '{{ x }}' was passed on as text",
    ]


def test_an_automation_that_acts_on_another_finds_it_here() -> None:
    pauses = {"type": "pause-automation", "source": "selected", "automation_id": OTHER}
    first, second = import_rules([automation(actions=[pauses]), automation(id=OTHER)])
    assert read(first).actions[0].automation == second.name == "n (2)"
    unknown = imported(actions=[pauses])
    assert read(unknown).actions[0].automation_id == OTHER


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from("\n '\"#:-0e1."), max_size=30)
WORDS = st.sampled_from(["no", "1e3", "0o17", "0x1F", "~", "null", "1:30", ".inf", "=", "<<", "2026-01-01", "1_0"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | WORDS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    documents, problems = read_yaml(yaml_text({"value": value}), "a.yaml")
    assert problems == []
    assert documents[0].data == {"value": value}

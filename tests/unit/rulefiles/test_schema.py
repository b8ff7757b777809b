"""The schema and the loader say the same of a file's structure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.rulefiles.changes import RULES, changed_rules

from automations.engine.payload_pattern import PatternError, compile_pattern
from automations.rulefiles import check_rules, check_tests, read_yaml, rule_tests_schema, rules_schema

REPOSITORY = Path(__file__).parents[3]
STRUCTURE = {"unknown-key", "wrong-type", "missing-key"}
TEST_FILES = [*(REPOSITORY / "rules").glob("*_test.yaml")]
RULE_FILES = [
    *(file for file in (REPOSITORY / "rules").glob("*.yaml") if file not in TEST_FILES),
    *(REPOSITORY / "automations" / "cli" / "example" / "rules").glob("*.yaml"),
    *(Path(__file__).with_name("prefect")).iterdir(),
]
RULES_SCHEMA = jsonschema_rs.validator_for(rules_schema())
TESTS_SCHEMA = jsonschema_rs.validator_for(rule_tests_schema())
ONE = {"name": "a", "trigger": {"expect": "x"}, "actions": [{"type": "do-nothing"}]}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schema") / "r.json"


def codes(file: Path, document: Any) -> set[str]:
    file.write_text(json.dumps(document))
    return {problem.code for problem in check_rules([file]).problems if problem.severity == "error"}


def agree(file: Path, document: Any) -> None:
    found, valid = codes(file, document), RULES_SCHEMA.is_valid(document)
    assert valid or found, "the loader takes it, and the schema does not"
    assert not (valid and found & STRUCTURE), f"the schema takes it, and the loader says {found}"


@pytest.mark.parametrize("path", [*RULE_FILES, *TEST_FILES], ids=lambda path: path.name)
def test_files_that_load_are_valid(path: Path) -> None:
    documents, problems = read_yaml(path.read_bytes(), str(path))
    assert problems == []
    schema = TESTS_SCHEMA if path in TEST_FILES else RULES_SCHEMA
    assert [list(schema.iter_errors(document.data)) for document in documents] == [[]] * len(documents)


@settings(max_examples=300, deadline=None)
@given(document=changed_rules())
@example(document=RULES[0])
@example(document=RULES[1])
@example(document=RULES[2])
@example(document=RULES[3])
def test_the_schema_takes_what_the_loader_takes_and_refuses_what_it_calls_a_wrong_structure(
    file: Path, document: Any
) -> None:
    agree(file, document)


@pytest.mark.parametrize(
    "document",
    [
        ONE,
        [ONE],
        {"automations": [ONE]},
        {"automations": ONE},
        {"automations": [ONE], "tags": []},
        {"automations": 5},
        [ONE, 5],
        [[ONE]],
        5,
        "text",
        {"trigger": {}, "automations": []},
        {**ONE, "id": "0d1c3f52-5d3a-4a56-9c70-1c8b8a2f0a11", "created": "2026-01-01T00:00:00Z"},
        {**ONE, "id": "order.1"},
        {**ONE, "created": 5},
        {**ONE, "trigger": {"expect": "x", "metric": {}}},
        {**ONE, "trigger": {"expect": "x", "posture": "Metric"}},
        {**ONE, "trigger": {"type": None}},
        {**ONE, "trigger": {"type": "event", "triggers": []}},
        {**ONE, "trigger": {"triggers": [ONE["trigger"], ONE["trigger"]], "require": "any"}},
        {**ONE, "trigger": {"type": "sequence", "triggers": [ONE["trigger"]] * 2, "require": "any"}},
        {**ONE, "actions": [{"type": "do-nothing", "url": "x"}]},
        {**ONE, "actions": [{}]},
        {**ONE, "actions": None},
        {**ONE, "actions": [{"type": "send-notification", "to": ["a"], "body": "b"}]},
    ],
)
def test_the_forms_of_a_file_are_the_same_to_both(file: Path, document: Any) -> None:
    agree(file, document)


TEXT = st.sampled_from(["a", "", "b.c"])
TESTS = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(["prefix", "suffix", "wildcard", "cidr"]), TEXT),
    st.builds(lambda value: {"suffix": {"equals-ignore-case": value}}, TEXT | st.integers(-5, 5)),
    st.sampled_from(
        [
            {"exists": True},
            {"exists": "yes"},
            {"numeric": [">", 0, "<=", 5]},
            {"numeric": 5},
            {"anything-but": ["a", "b"]},
            {"anything-but": {"prefix": "a"}},
            {"anything-but": 5},
            {"cidr": "10.0.0.0/8"},
            {"prefx": "a"},
            {"prefix": "a", "suffix": "b"},
            {},
        ]
    ),
)
FIELDS = st.recursive(
    st.lists(TESTS | TEXT | st.none() | st.booleans() | st.integers(-5, 5), max_size=2) | TEXT,
    lambda inner: st.dictionaries(
        st.sampled_from(["a", "b", "$or"]), inner | st.lists(inner, max_size=2), max_size=2
    ),
    max_leaves=5,
)
PATTERN_STRUCTURE = {"wrong-type", "unknown-test", "one-test", "empty-pattern", "empty-alternatives"}


def mistakes_of(pattern: Any) -> set[str]:
    try:
        compile_pattern(pattern)
    except PatternError as error:
        return {problem.code for problem in error.problems}
    return set()


@settings(max_examples=200, deadline=None)
@given(pattern=st.dictionaries(st.sampled_from(["a", "$or"]), FIELDS, max_size=2))
def test_the_schema_of_patterns_is_the_engines(pattern: Any) -> None:
    valid = RULES_SCHEMA.is_valid({**ONE, "trigger": {"expect": "x", "match_payload": pattern}})
    mistakes = mistakes_of(pattern)
    assert valid or mistakes
    assert not (valid and mistakes & PATTERN_STRUCTURE)


def test_every_example_of_the_language_loads(file: Path) -> None:
    for document in RULES:
        assert codes(file, document) == set()


def test_defaults_stand_as_users_write_them() -> None:
    definitions = rules_schema()["$defs"]
    assert definitions["CallWebhook"]["properties"]["timeout"]["default"] == "10s"
    assert definitions["Schedule"]["properties"]["catch_up"]["default"] == "5m"
    assert rule_tests_schema()["$defs"]["RuleTest"]["properties"]["start"]["default"] == "2026-01-01T00:00:00Z"


EVENT = {"at": "0s", "event": "a", "resource": {"id": "x"}}
TEST = {"name": "t", "events": [EVENT], "expect": [{"at": 20, "labels": {"a": "b"}, "actions": [{"type": "x"}]}]}


@pytest.mark.parametrize(
    "tests",
    [
        [TEST],
        [],
        [{**TEST, "start": "2026-01-01T00:00:00Z", "until": "90s", "automation": "a", "suppressed": 0}],
        [{**TEST, "events": [EVENT, {"down": "90s"}, {**EVENT, "received": 5, "hops": 3, "payload": {}}]}],
        [{**TEST, "events": [{"down": 5, "at": 5}]}],
        [{**TEST, "events": [{**EVENT, "evnt": 5}]}],
        [{**TEST, "events": [5]}],
        [{**TEST, "events": None}],
        [{**TEST, "expect": [{"atomation": "a"}]}],
        [{**TEST, "expect": [{"actions": [{"type": "a", "failed": "limit", "anything": [1]}]}]}],
        [{**TEST, "expect": [{"actions": ["a"]}]}],
        [{"name": "t"}],
        5,
    ],
)
def test_the_schema_of_tests_is_the_loaders(tmp_path: Path, tests: Any) -> None:
    document = {"tests": tests}
    (tmp_path / "a_test.json").write_text(json.dumps(document))
    found = {problem.code for problem in check_tests([tmp_path]).problems}
    valid = TESTS_SCHEMA.is_valid(document)
    assert valid or found
    assert not (valid and found & STRUCTURE)

"""What AWS refuses is refused, each mistake at its place, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from automations.engine.payload_pattern import PatternError, compile_pattern

REFUSED: list[tuple[Any, tuple[Any, ...], str]] = [
    ([], (), "wrong-type"),
    ({}, (), "empty-pattern"),
    ({"a": {}}, ("a",), "empty-pattern"),
    ({"a": "x"}, ("a",), "wrong-type"),
    ({"a": []}, ("a",), "empty-alternatives"),
    ({"a": [["x"]]}, ("a", 0), "wrong-type"),
    ({"a": [{}]}, ("a", 0), "one-test"),
    ({"a": [{"prefix": "x", "suffix": "y"}]}, ("a", 0), "one-test"),
    ({"a": ["x", {"prefx": "x"}]}, ("a", 1), "unknown-test"),
    ({"a": [{"prefix": 1}]}, ("a", 0), "wrong-type"),
    ({"a": [{"suffix": {"prefix": "x"}}]}, ("a", 0), "wrong-type"),
    ({"a": [{"equals-ignore-case": None}]}, ("a", 0), "wrong-type"),
    ({"a": [{"wildcard": "a**b"}]}, ("a", 0), "bad-wildcard"),
    ({"a": [{"wildcard": "a\\b"}]}, ("a", 0), "bad-wildcard"),
    ({"a": [{"wildcard": "a\\"}]}, ("a", 0), "bad-wildcard"),
    ({"a": [{"exists": "yes"}]}, ("a", 0), "wrong-type"),
    ({"a": [{"cidr": "10.0.0.0"}]}, ("a", 0), "bad-cidr"),
    ({"a": [{"cidr": "10.0.0.0/33"}]}, ("a", 0), "bad-cidr"),
    ({"a": [{"numeric": []}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["~", 1]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["<", "1"]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["<", 6e9]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": [">", 5, "<", 5]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["<", 5, ">", 1]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["=", 5, "<", 9]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"anything-but": ["x", 1]}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": []}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": None}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": {"numeric": ["<", 1]}}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": {"prefix": ""}}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"cidr": "10.0.0.0/255.0.0.0"}]}, ("a", 0), "bad-cidr"),
    ({"a": [{"cidr": "10.0.0.1/32"}]}, ("a", 0), "bad-cidr"),
    ({"a": [{"cidr": "2001:db8::1/128"}]}, ("a", 0), "bad-cidr"),
    ({"a": [{"exactly": 1}]}, ("a", 0), "wrong-type"),
    ({"a": [2**70]}, ("a", 0), "wrong-type"),
    ({"a": [float("nan")]}, ("a", 0), "wrong-type"),
    ({1: ["x"]}, (1,), "wrong-type"),
    ({"$or": [{"a": {"numeric": ["x"]}}, {"b": [1]}]}, ("$or", 0, "a", "numeric"), "reserved-name"),
    ({"$or": [{"a": [1]}]}, ("$or", 0), "unknown-test"),
    ({"$or": [{"a": [1]}, {}]}, ("$or", 1), "empty-pattern"),
]


@pytest.mark.parametrize(("pattern", "path", "code"), REFUSED)
def test_what_aws_refuses_is_refused_at_its_place(pattern: Any, path: tuple[Any, ...], code: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(path, code)]


def test_all_mistakes_of_a_pattern_are_told_at_once() -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern({"a": "x", "b": {"c": [{"exists": 1}, {"cidr": "x"}]}})
    assert [problem.path for problem in caught.value.problems] == [("a",), ("b", "c", 0), ("b", "c", 1)]
    assert "a: a field has a list of alternatives" in str(caught.value)


def test_what_is_nested_too_deeply_is_refused() -> None:
    pattern: Any = {"a": [1]}
    for _ in range(200):
        pattern = {"a": pattern}
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert caught.value.problems[0].code == "too-deep"


def test_choices_without_bound_are_refused() -> None:
    branches = [{"a": [number]} for number in range(11)]
    inner = {"$or": branches}
    with pytest.raises(PatternError) as caught:
        compile_pattern({"x": inner, "y": inner, "z": inner})
    assert [problem.code for problem in caught.value.problems] == ["too-many-branches"]


def test_explain_reads_any_payload() -> None:
    compiled = compile_pattern({"a": [1]})
    assert compiled.explain({"a": 2**80})[0].seen == str(2**80)

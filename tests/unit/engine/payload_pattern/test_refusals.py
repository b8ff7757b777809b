"""What AWS refuses is refused, each mistake at its place, all of them at once."""

from __future__ import annotations

from datetime import date
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
    ({"a": [{"anything-but": {"suffix": ["x", ""]}}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": {"wildcard": "a**"}}]}, ("a", 0), "bad-wildcard"),
    ({"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}, ("a", 0), "wrong-type"),
    ({"a": [{"anything-but": [1, 6e9]}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": float("nan")}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"anything-but": [True]}]}, ("a", 0), "bad-anything-but"),
    ({"a": [{"exactly": 1}]}, ("a", 0), "wrong-type"),
    ({1: ["x"]}, (1,), "wrong-type"),
    ({"a": {None: ["x"]}}, ("a", None), "wrong-type"),
    ({"a": [{1: "x"}]}, ("a", 0), "unknown-test"),
    ({"a": [{"prefix": {1: "x"}}]}, ("a", 0), "wrong-type"),
    ({"a": [{"numeric": [[], 1]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["<", 10**5000]}]}, ("a", 0), "bad-numeric"),
    ({"a": [{"numeric": ["<", float("nan")]}]}, ("a", 0), "bad-numeric"),
    ({"a": ["x", date(2026, 1, 1)]}, ("a", 1), "wrong-type"),
    ({"a": date(2026, 1, 1)}, ("a",), "wrong-type"),
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


def problems_of(pattern: Any) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    return [(problem.path, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/8/8", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/255.0.0.0"),
        *("10.0.0.1/32", "10.0.0.0/33", "2001:db8::1/128", "::ffff:a00:0/96", "10.0.0.0/" + "9" * 5000),
        *("10.0.0/8", "10.0.0.256/8", "host/8", "::ffff:10.0.0.1/8", "fe80::1%eth0/64", "1::1::1/64", ":/8"),
    ],
)
def test_what_aws_takes_for_no_range_of_addresses_is_refused(text: str) -> None:
    assert problems_of({"a": [{"cidr": text}]}) == [(("a", 0), "bad-cidr")]


@pytest.mark.parametrize("text", ["10.0.0.1/31", "0.0.0.0/0", "::/0", "2001:db8::1/127", "010.0.0.0/08"])
def test_the_widest_and_the_narrowest_ranges_of_addresses_are_accepted(text: str) -> None:
    compile_pattern({"a": [{"cidr": text}]})


RESERVED = [
    *(
        "anything-but",
        "cidr",
        "equals-ignore-case",
        "exactly",
        "exists",
        "numeric",
        "prefix",
        "suffix",
        "wildcard",
    ),
    *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "in-date-range"),
    *("date-after", "date-on-or-after", "date-before", "date-on-or-before"),
    *("ip-address-in-range", "ip-address-not-in-range"),
]


@pytest.mark.parametrize("name", RESERVED)
def test_a_field_inside_of_or_has_no_reserved_name(name: str) -> None:
    field = {name: ["x"]}
    assert problems_of({"$or": [{"a": field}, {"b": [1]}]}) == [(("$or", 0, "a", name), "reserved-name")]
    nested = {"$or": [{"b": [1]}, {"c": {"$or": [{"a": {"d": field}}, {"b": [1]}]}}]}
    assert problems_of(nested) == [(("$or", 1, "c", "$or", 0, "a", "d", name), "reserved-name")]
    assert problems_of({"$or": [field, {"b": [1]}]}) == [(("$or",), "bad-or")]
    compile_pattern({"a": field})


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ([], "write [{a: [1]}, {b: [2]}]"),
        ([{}], "write [{a: [1]}, {b: [2]}]"),
        ([{"a": [1]}], "write [{a: [1]}, {b: [2]}]"),
        ([{"a": [1]}, "x"], "write [{a: [1]}, {b: [2]}]"),
        ([{"a": [1]}, [{"b": [2]}]], "write [{a: [1]}, {b: [2]}]"),
        ([{"a": [1]}, {"prefix": "x"}], "a branch has no field named 'prefix'"),
    ],
)
def test_an_or_without_two_branches_is_told_so(wanted: Any, hint: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern({"$or": wanted})
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == (("$or",), "bad-or")
    assert (problem.message, problem.hint) == ("'$or' wants two branches of fields or more", hint)


def test_or_is_no_field_where_another_has_branches() -> None:
    branching, field = {"$or": [{"a": [1]}, {"b": [2]}]}, {"$or": [{"prefix": "x"}]}
    assert problems_of({**branching, "c": field}) == [(("c", "$or"), "bad-or")]
    assert problems_of({"c": field, **branching}) == [(("c", "$or"), "bad-or")]
    assert problems_of({"$or": [{"a": field}, {"b": [2]}]}) == [(("$or", 0, "a", "$or"), "bad-or")]
    compile_pattern({"c": field, **field})


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**5000, float("nan"), float("inf")], ids=range(5))
def test_a_number_that_no_json_holds_is_refused(number: float) -> None:
    assert problems_of({"a": [number]}) == [(("a", 0), "wrong-type")]
    assert problems_of({"a": number}) == [(("a",), "wrong-type")]


def test_the_largest_integers_are_values() -> None:
    assert compile_pattern({"a": [2**64 - 1]}).matches({"a": 2**64 - 1})
    assert compile_pattern({"a": [-(2**63)]}).matches({"a": -(2**63)})


def nested(levels: int) -> Any:
    pattern: Any = [1]
    for _ in range(levels):
        pattern = {"a": pattern}
    return pattern


def test_a_pattern_is_at_most_32_steps_deep() -> None:
    assert compile_pattern(nested(32)).matches(nested(32))
    assert problems_of(nested(33)) == [(("a",) * 32, "too-deep")]
    assert problems_of(nested(5000)) == [(("a",) * 32, "too-deep")]


@pytest.mark.parametrize("around", ["", "prefix", "anything-but", "numeric", "exists", "cidr"])
def test_an_alternative_however_deep_is_refused(around: str) -> None:
    deep = nested(5000)
    assert problems_of({"a": [{around: deep} if around else [deep]]})


def test_choices_beyond_a_thousand_are_refused() -> None:
    ten = {"$or": [{"a": [number]} for number in range(10)]}
    assert compile_pattern({"x": ten, "y": ten, "z": ten}).matches({"x": {"a": 1}, "y": {"a": 2}, "z": {"a": 9}})
    pattern = {"w": {"$or": [{"a": [1]}, {"b": [2]}]}, "x": ten, "y": ten, "z": ten, "v": ["x", {}]}
    assert problems_of(pattern) == [(("z",), "too-many-branches"), (("v", 1), "one-test")]

"""The pattern language: documented cases, and every pattern against the oracle's definition."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.patterns import payload_matches

from automations.engine.payload_pattern import compile_pattern

CASES: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    (
        "a text is itself",
        {"a": ["x"]},
        [{"a": "x"}, {"a": ["y", "x"]}],
        [{"a": "X"}, {"a": "xx"}, {}, {"a": {"x": 1}}],
    ),
    ("equal numbers are one", {"a": [1]}, [{"a": 1}, {"a": 1.0}], [{"a": True}, {"a": "1"}, {"a": 2}]),
    (
        "names are themselves",
        {"a": [None, True]},
        [{"a": None}, {"a": True}],
        [{"a": 1}, {"a": False}, {}, {"a": 0}],
    ),
    ("values OR", {"a": ["x", 2]}, [{"a": "x"}, {"a": 2}], [{"a": "2"}]),
    ("fields AND", {"a": ["x"], "b": [1]}, [{"a": "x", "b": 1}], [{"a": "x"}, {"a": "x", "b": 2}]),
    ("prefix", {"a": [{"prefix": "ab"}]}, [{"a": "ab"}, {"a": "abc"}], [{"a": "Abc"}, {"a": 5}, {}]),
    ("prefix of any case", {"a": [{"prefix": {"equals-ignore-case": "aB"}}]}, [{"a": "ABc"}], [{"a": "b"}]),
    ("suffix", {"a": [{"suffix": ".png"}]}, [{"a": "x.png"}], [{"a": "x.PNG"}, {"a": None}]),
    ("suffix of any case", {"a": [{"suffix": {"equals-ignore-case": ".Png"}}]}, [{"a": "x.pNG"}], [{"a": "png"}]),
    ("equals-ignore-case", {"a": [{"equals-ignore-case": "aLice"}]}, [{"a": "ALICE"}], [{"a": "ALICES"}]),
    (
        "wildcard",
        {"a": [{"wildcard": "x/*/y*"}]},
        [{"a": "x/1/y"}, {"a": "x//y2"}],
        [{"a": "x/y"}, {"a": "x/1/z"}],
    ),
    ("wildcard escapes", {"a": [{"wildcard": r"\**\\"}]}, [{"a": "*\\"}, {"a": "*z\\"}], [{"a": "z\\"}]),
    ("numeric", {"a": [{"numeric": [">", 0, "<=", 5]}]}, [{"a": 5}, {"a": 0.1}], [{"a": 0}, {"a": 6}, {"a": "3"}]),
    ("numeric knows its bounds", {"a": [{"numeric": [">", 0]}]}, [{"a": 5e9}], [{"a": 6e9}, {"a": True}]),
    ("numeric equality", {"a": [{"numeric": ["=", 3.0]}]}, [{"a": 3}], [{"a": 3.1}]),
    (
        "anything-but",
        {"a": [{"anything-but": "x"}]},
        [{"a": "y"}, {"a": None}, {"a": ["x", "y"]}],
        [{"a": "x"}, {}],
    ),
    (
        "anything-but numbers",
        {"a": [{"anything-but": [1, 2]}]},
        [{"a": 3}, {"a": "1"}],
        [{"a": 1.0}, {"a": [1, 2]}],
    ),
    (
        "anything-but prefixes",
        {"a": [{"anything-but": {"prefix": ["x", "y"]}}]},
        [{"a": "z"}, {"a": 1}],
        [{"a": "y"}],
    ),
    ("anything-but wildcard", {"a": [{"anything-but": {"wildcard": "*/x"}}]}, [{"a": "x"}], [{"a": "a/x"}]),
    ("exists", {"a": [{"exists": True}]}, [{"a": 0}, {"a": None}, {"a": [1]}], [{}, {"a": []}, {"a": {"b": 1}}]),
    ("absent", {"a": [{"exists": False}]}, [{}, {"a": []}, {"a": {"b": 1}}], [{"a": None}]),
    ("absent or a value", {"a": [{"exists": False}, "x"]}, [{}, {"a": "x"}], [{"a": "y"}]),
    (
        "cidr",
        {"a": [{"cidr": "10.0.0.0/24"}]},
        [{"a": "10.0.0.255"}],
        [{"a": "10.0.1.0"}, {"a": "host"}, {"a": 1}],
    ),
    ("cidr of version 6", {"a": [{"cidr": "2001:db8::/32"}]}, [{"a": "2001:db8::1"}], [{"a": "10.0.0.1"}]),
    (
        "or",
        {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]},
        [{"a": 1, "c": 3}, {"b": 2, "c": 3}],
        [{"a": 1}, {"c": 3}],
    ),
    ("or as a field", {"$or": [{"prefix": "x"}, {"prefix": "y"}]}, [{"$or": "yes"}], [{"x": 1}]),
    ("nested", {"a": {"b": [1]}}, [{"a": {"b": 1}}], [{"a": 1}, {"b": 1}, {"a": {"b": {"c": 1}}}]),
    (
        "fields of one element",
        {"a": {"b": [1], "c": [2]}},
        [{"a": [{"b": 1, "c": 2}]}, {"a": [[{"b": 1, "c": 2}], {}]}],
        [{"a": [{"b": 1, "c": 3}, {"b": 2, "c": 2}]}, {"a": []}],
    ),
    ("absence in an element", {"a": {"b": [1], "c": [{"exists": False}]}}, [{"a": [{"b": 1}, {"c": 1}]}], []),
    (
        "an element chosen outside of $or is the one inside",
        {"a": {"b": [1]}, "$or": [{"a": {"c": [2]}}, {"x": [9]}]},
        [{"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}, {"c": 2}], "x": 9}],
        [{"a": [{"b": 1}, {"c": 2}]}],
    ),
    (
        "absence alone holds in all elements",
        {"a": {"b": [{"exists": False}]}},
        [{"a": []}, {}, {"a": [{"c": 2}, 5]}],
        [{"a": [{"b": 1}, {"c": 2}]}, {"a": [{"b": 1}, []]}, {"a": [{"b": 1}, 5]}],
    ),
    ("exactly", {"a": [{"exactly": "x"}]}, [{"a": "x"}], [{"a": "X"}]),
    ("a key with a dot", {"a.b": [1]}, [{"a.b": 1}], [{"a": {"b": 1}}]),
]


@pytest.mark.parametrize(("pattern", "accepted", "refused"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_pattern_matches_as_documented(pattern: dict[str, Any], accepted: list[Any], refused: list[Any]) -> None:
    compiled = compile_pattern(pattern)
    assert [payload for payload in accepted if not compiled.matches(payload)] == []
    assert [payload for payload in refused if compiled.matches(payload)] == []


keys = st.sampled_from(["a", "b", "c"])
texts = st.sampled_from(["", "x", "xy", "X", "y", "10.0.0.7"])
numbers = st.sampled_from([0, 1, 1.0, 2.5, -3])
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
payloads = st.recursive(
    st.dictionaries(keys, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=3),
    lambda inner: st.dictionaries(keys, st.one_of(scalars, inner, st.lists(inner, max_size=3)), max_size=3),
    max_leaves=6,
)
tests = st.one_of(
    st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), texts),
    st.builds(lambda values: {"anything-but": values}, st.one_of(texts, numbers, st.lists(texts, min_size=1))),
    st.builds(lambda symbol, n: {"numeric": [symbol, n]}, st.sampled_from(["=", "<", "<=", ">", ">="]), numbers),
    st.builds(lambda there: {"exists": there}, st.booleans()),
)
alternatives = st.lists(st.one_of(scalars, tests), min_size=1, max_size=3)
patterns = st.recursive(
    st.dictionaries(keys, alternatives, min_size=1, max_size=3),
    lambda inner: st.one_of(
        st.dictionaries(keys, st.one_of(alternatives, inner), min_size=1, max_size=3),
        st.builds(lambda branches: {"$or": branches}, st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None)
@given(patterns, payloads)
def test_every_pattern_matches_what_its_definition_says(pattern: dict[str, Any], payload: dict[str, Any]) -> None:
    assert compile_pattern(pattern).matches(payload) == payload_matches(pattern, payload)


@settings(max_examples=400, deadline=None)
@given(patterns, payloads)
def test_explain_names_a_condition_exactly_where_the_pattern_does_not_match(
    pattern: dict[str, Any], payload: dict[str, Any]
) -> None:
    compiled = compile_pattern(pattern)
    assert (compiled.explain(payload) == ()) == compiled.matches(payload)


@settings(max_examples=200, deadline=None)
@given(keys, alternatives, payloads, scalars)
def test_a_condition_mended_with_a_value_that_it_wants_passes(
    key: str, wanted: list[Any], payload: dict[str, Any], value: Any
) -> None:
    compiled = compile_pattern({key: wanted})
    if compiled.explain(payload) and compile_pattern({"v": wanted}).matches({"v": value}):
        assert compiled.explain({**payload, key: value}) == ()


def test_explain_tells_the_path_what_was_seen_and_what_was_wanted() -> None:
    compiled = compile_pattern({"order": {"items": {"sku": ["a"], "n": [{"numeric": [">", 1]}]}}})
    payload = {"order": {"items": [{"sku": "b", "n": 1}, {"sku": "a", "n": 1}]}}
    (failed,) = compiled.explain(payload)
    assert (failed.path, failed.seen, failed.wanted) == ("payload.order.items.n", "1", '[{"numeric":[">",1]}]')
    assert compiled.explain({})[0].seen == "nothing"

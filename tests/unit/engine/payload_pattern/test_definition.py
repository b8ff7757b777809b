"""Every pattern against its definition, which the oracle tries choice by choice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.patterns import payload_matches
from unit.engine.payload_pattern.strategies import (
    alternatives,
    elements,
    keys,
    patterns,
    payloads,
    scalars,
    shared,
    values,
)

from automations.engine.payload_pattern import compile_pattern


@settings(max_examples=120, deadline=None)
@given(alternatives, st.one_of(scalars, values))
def test_alternatives_accept_what_their_definition_says(wanted: list[Any], value: Any) -> None:
    pattern, payload = {"a": wanted}, {"a": value}
    assert compile_pattern(pattern).matches(payload) == payload_matches(pattern, payload)


@settings(max_examples=120, deadline=None)
@given(patterns, payloads)
def test_a_pattern_matches_what_its_definition_says(pattern: dict[str, Any], payload: dict[str, Any]) -> None:
    assert compile_pattern(pattern).matches(payload) == payload_matches(pattern, payload)


@settings(max_examples=150, deadline=None)
@given(shared, elements)
def test_elements_are_chosen_as_the_definition_says(pattern: dict[str, Any], payload: dict[str, Any]) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.matches(payload) == payload_matches(pattern, payload)
    assert (compiled.explain(payload) == ()) == compiled.matches(payload)


@settings(max_examples=80, deadline=None)
@given(patterns, payloads)
def test_explain_names_a_condition_exactly_where_the_pattern_does_not_match(
    pattern: dict[str, Any], payload: dict[str, Any]
) -> None:
    compiled = compile_pattern(pattern)
    assert (compiled.explain(payload) == ()) == compiled.matches(payload)


@settings(max_examples=60, deadline=None)
@given(keys, alternatives, payloads, scalars)
def test_a_condition_mended_with_a_value_that_it_wants_passes(
    key: str, wanted: list[Any], payload: dict[str, Any], value: Any
) -> None:
    compiled = compile_pattern({key: wanted})
    if compiled.explain(payload) and compile_pattern({"v": wanted}).matches({"v": value}):
        assert compiled.explain({**payload, key: value}) == ()

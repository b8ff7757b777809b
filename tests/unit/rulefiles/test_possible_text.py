"""Which filters may take a text of which only the ends are known: against all texts of a small alphabet."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.engine.conditions import Alternatives
from automations.rulefiles.possible_text import PossibleText

SHORT = st.text("ab", max_size=2)
WILDCARDS = st.lists(SHORT, min_size=1, max_size=3).map("*".join).filter(bool)
MIDDLES = ["".join(letters) for length in range(7) for letters in product("ab", repeat=length)]


@given(head=SHORT, tail=SHORT, wanted=st.lists(WILDCARDS, min_size=1, max_size=3))
def test_a_text_may_pass_exactly_when_one_of_its_texts_does(head: str, tail: str, wanted: list[str]) -> None:
    values = Alternatives.of(wanted)
    passes = any(map(values.text_predicate(), (head + middle + tail for middle in MIDDLES)))
    assert PossibleText(head, tail).may_be(values) == passes


@given(
    head=SHORT,
    tail=SHORT,
    wanted=st.lists(st.builds(str.__add__, st.sampled_from(["", "!"]), WILDCARDS), min_size=1, max_size=4),
)
def test_what_passes_is_never_ruled_out(head: str, tail: str, wanted: list[str]) -> None:
    values = Alternatives.of(wanted)
    passes = any(map(values.text_predicate(), (head + middle + tail for middle in MIDDLES)))
    assert PossibleText(head, tail).may_be(values) or not passes


@given(text=SHORT, wanted=st.lists(WILDCARDS, min_size=1, max_size=3))
def test_a_known_text_is_just_that_text(text: str, wanted: list[str]) -> None:
    values = Alternatives.of(wanted)
    assert PossibleText(text).may_be(values) == values.text_predicate()(text)


@pytest.mark.parametrize(
    ("template", "ends"),
    [
        ("order.created", "order.created"),
        ("order.{{ event.payload.what }}", "order.*"),
        ("{{ a }}.late", "*.late"),
        ("a {{- b -}} c", "a*c"),
        ("a{# note #}b{{ c }}d", "a*d"),
        ("a.{% if b %}c{% endif %}.d", "a.*.d"),
        ("{{ a }} }} b", "*b"),
    ],
)
def test_what_stands_around_a_templates_marks_is_known(template: str, ends: str) -> None:
    assert str(PossibleText.of(template)) == ends

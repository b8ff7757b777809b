from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.engine.wildcard import compile_wildcard

TEXT = st.text(alphabet="ab*.[", max_size=12)


@given(TEXT, TEXT.map(lambda text: text.replace("*", "")))
def test_a_wildcard_agrees_with_its_regular_expression(pattern: str, text: str) -> None:
    oracle = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    assert compile_wildcard(pattern)(text) is bool(oracle.fullmatch(text))


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("s3://b/f[1].csv", "s3://b/f[1].csv", True),
        ("s3://b/f[1].csv", "s3://b/f1.csv", False),
        ("order.*", "order.", True),
        ("a?c", "abc", False),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*b*c", "a\nb\nc", True),
    ],
)
def test_only_the_star_is_special(pattern: str, text: str, holds: bool) -> None:
    assert compile_wildcard(pattern)(text) is holds

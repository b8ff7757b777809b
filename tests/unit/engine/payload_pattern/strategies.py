"""Patterns of all kinds, and payloads that they may match."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

keys = st.sampled_from(["a", "b", "c"])
texts = st.sampled_from(["", "x", "xy", "X", "yx", "10.0.0.7", "010.0.0.7", "::a00:7", "::ffff:a00:7", "0::A00:7"])
numbers = st.sampled_from([0, 1, 1.0, 2.5, -3, 5e9, 6e9])
bounds = st.sampled_from([0, 1, 1.0, 2.5, -3, 5e9])
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=10,
)
payloads = st.dictionaries(keys, values, max_size=3)


def one_or_more(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(items, st.lists(items, min_size=1, max_size=2))


def named(names: list[str], arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda name, argument: {name: argument}, st.sampled_from(names), arguments)


parts = st.sampled_from(["x", "y", "X", r"\*", "10.", "7"])
wildcards = st.builds("*".join, st.lists(parts, min_size=1, max_size=3))
networks = st.builds(
    lambda address, mask: f"{address}/{mask}",
    st.sampled_from(["10.0.0.0", "10.0.0.7", "::ffff:a00:0", "::a00:0"]),
    st.sampled_from([0, 8, 24, 30, 31]),
)
folded = named(["equals-ignore-case"], texts)
spans = st.builds(
    lambda low, high, start, end: [low, start, high, end],
    st.sampled_from([">", ">="]),
    st.sampled_from(["<", "<="]),
    st.sampled_from([-4, 0, 1]),
    st.sampled_from([1.5, 2.5, 5e9]),
)
tests = st.one_of(
    named(["prefix", "suffix"], st.one_of(texts, folded)),
    named(["equals-ignore-case", "exactly"], texts),
    named(["wildcard"], wildcards),
    named(["cidr"], networks),
    named(
        ["numeric"], st.one_of(st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), bounds).map(list), spans)
    ),
    named(["exists"], st.booleans()),
    named(
        ["anything-but"],
        st.one_of(
            one_or_more(texts),
            one_or_more(bounds),
            named(["prefix", "suffix"], one_or_more(texts.filter(bool))),
            named(["equals-ignore-case"], one_or_more(texts)),
            named(["wildcard"], one_or_more(wildcards)),
        ),
    ),
)
alternatives = st.lists(st.one_of(scalars, tests, st.just({"exists": False})), min_size=1, max_size=3)


def with_or(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Branches over the very fields that stand outside."""
    branches = st.lists(inner, min_size=2, max_size=3)
    fields = st.dictionaries(keys, st.one_of(alternatives, inner), max_size=2)
    return st.builds(lambda fields, branches: {**fields, "$or": branches}, fields, branches)


patterns = st.recursive(
    st.dictionaries(keys, alternatives, min_size=1, max_size=2),
    lambda inner: st.one_of(
        st.dictionaries(keys, st.one_of(alternatives, inner), min_size=1, max_size=3), with_or(inner)
    ),
    max_leaves=5,
)

ones = st.sampled_from([[1], [2], [{"exists": False}], [{"exists": False}, 1], [{"exists": True}]])
shared = st.recursive(
    st.dictionaries(keys, ones, min_size=1, max_size=3),
    lambda inner: st.one_of(st.dictionaries(keys, st.one_of(ones, inner), min_size=1, max_size=2), with_or(inner)),
    max_leaves=4,
)
"""Patterns that are about which element is chosen, not about values."""
elements = st.recursive(
    st.dictionaries(keys, st.sampled_from([1, 2, 3, [], [1, 2]]), max_size=3),
    lambda inner: st.dictionaries(keys, st.one_of(st.lists(inner, max_size=3), inner), min_size=1, max_size=3),
    max_leaves=6,
)

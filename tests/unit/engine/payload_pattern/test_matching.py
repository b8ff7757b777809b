"""The pattern language, case by case."""

from __future__ import annotations

from typing import Any

import pytest

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
        "an element chosen in one $or is the one in another",
        {"$or": [{"a": {"b": [1]}}, {"x": [9]}], "a": {"$or": [{"c": [2]}, {"d": [3]}]}},
        [{"a": [{"b": 1, "d": 3}]}, {"a": [{"b": 1}, {"c": 2}], "x": 9}],
        [{"a": [{"b": 1}, {"c": 2}]}],
    ),
    (
        "branches share what is two arrays deep",
        {"a": {"b": {"c": [1]}}, "$or": [{"a": {"b": {"d": [2]}}}, {"a": {"e": [3]}}]},
        [{"a": [{"b": [{"c": 1, "d": 2}]}]}, {"a": [{"b": [{"c": 1}], "e": 3}]}],
        [{"a": [{"b": [{"c": 1}, {"d": 2}]}]}, {"a": [{"b": {"c": 1}}, {"e": 3}]}],
    ),
    (
        "a field outside and inside of $or is as both want it",
        {"a": [{"prefix": "x"}], "$or": [{"a": [{"suffix": "y"}]}, {"b": [1]}]},
        [{"a": "xy"}, {"a": "x", "b": 1}],
        [{"a": "y"}, {"a": "x"}, {"b": 1}],
    ),
    (
        "what every branch wants is asked once",
        {"c": [3], "$or": [{"a": [1], "b": [1]}, {"a": [2], "b": [1]}]},
        [{"a": 1, "b": 1, "c": 3}],
        [{"a": 1, "b": 1}, {"a": 1, "c": 3}],
    ),
    ("branches that are alike", {"$or": [{"a": [1]}, {"a": [1]}]}, [{"a": 1}], [{}]),
    (
        "absence alone holds in all elements",
        {"a": {"b": [{"exists": False}]}},
        [{"a": []}, {}, {"a": [{"c": 2}, 5]}, {"a": [{"b": {"x": 1}}, {"b": []}]}],
        [
            {"a": [{"b": 1}, {"c": 2}]},
            {"a": [{"b": 1}, []]},
            {"a": [{"b": 1}, 5]},
            {"a": [[{"c": 1}], [{"b": 1}]]},
        ],
    ),
    (
        "absence beside a value holds in the value's element",
        {"a": {"b": [{"exists": False}], "c": [2]}},
        [{"a": [{"b": 1}, {"c": 2}]}],
        [{"a": [{"b": 1, "c": 2}, {}]}],
    ),
    (
        "absence two arrays deep holds in the chosen element of the first",
        {"a": {"b": {"c": [{"exists": False}]}, "d": [1]}},
        [{"a": [{"d": 1, "b": [{"x": 1}]}, {"b": {"c": 1}}]}],
        [{"a": [{"d": 1, "b": [{"x": 1}, {"c": 1}]}]}],
    ),
    (
        "absence or a value, in arrays",
        {"a": {"b": [{"exists": False}, 1]}},
        [{"a": [{"b": 2}, {"b": 1}]}, {"a": [{"c": 1}, {}]}, {}],
        [{"a": [{"b": 2}, {"c": 1}]}],
    ),
    (
        "each branch has its own absence",
        {"a": {"$or": [{"b": [{"exists": False}]}, {"c": [{"exists": False}]}]}},
        [{"a": [{"b": 1}, {"b": 2}]}, {"a": [{"c": 1}]}],
        [{"a": [{"b": 1}, {"c": 1}]}],
    ),
    ("exactly", {"a": [{"exactly": "x"}]}, [{"a": "x"}, {"a": ["y", "x"]}], [{"a": "X"}, {}, {"a": None}]),
    ("exactly an address", {"a": [{"exactly": "::1"}]}, [{"a": "::1"}], [{"a": "0:0:0:0:0:0:0:1"}]),
    ("or as a field, exactly", {"$or": [{"exactly": "x"}, {"prefix": "y"}]}, [{"$or": "x"}, {"$or": "yes"}], [{}]),
    ("or as a field of objects", {"$or": {"a": [1]}}, [{"$or": {"a": 1}}], [{"a": 1}]),
    ("a reserved name outside of $or", {"numeric": {"=": ["x"]}}, [{"numeric": {"=": "x"}}], [{}]),
    (
        "an address, however it is written",
        {"a": ["::1", "10.0.0.7"]},
        [{"a": "0:0:0:0:0:0:0:1"}, {"a": "0000::0001"}, {"a": "::ffff:a00:7"}, {"a": "010.00.0.7"}],
        [{"a": "::2"}, {"a": "10.0.0.07x"}, {"a": "10.0.0.263"}, {"a": "::1%eth0"}, {"a": 1}, {"a": "1::1::1"}],
    ),
    (
        "cidr of mapped addresses",
        {"a": [{"cidr": "::ffff:a00:0/24"}]},
        [{"a": "10.0.0.255"}, {"a": "::ffff:a00:9"}],
        [{"a": "10.0.1.0"}, {"a": "::1"}],
    ),
    ("cidr of an address inside", {"a": [{"cidr": "10.0.0.9/24"}]}, [{"a": "10.0.0.1"}], [{"a": "10.0.1.9"}]),
    ("cidr of all addresses", {"a": [{"cidr": "0.0.0.0/0"}]}, [{"a": "1.2.3.4"}], [{"a": "::1"}, {"a": "x"}]),
    (
        "anything-but empty text of any case",
        {"a": [{"anything-but": {"equals-ignore-case": ""}}]},
        [{"a": "x"}],
        [{"a": ""}],
    ),
    (
        "numeric bounds",
        {"a": [{"numeric": [">=", -5e9, "<=", 5e9]}]},
        [{"a": -5e9}],
        [{"a": 5e9 + 1}, {"a": 2**80}],
    ),
    ("a key with a dot", {"a.b": [1]}, [{"a.b": 1}], [{"a": {"b": 1}}]),
]


@pytest.mark.parametrize(("pattern", "accepted", "refused"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_pattern_matches_as_documented(pattern: dict[str, Any], accepted: list[Any], refused: list[Any]) -> None:
    compiled = compile_pattern(pattern)
    assert [payload for payload in accepted if not compiled.matches(payload)] == []
    assert [payload for payload in refused if compiled.matches(payload)] == []


def test_explain_tells_the_path_what_was_seen_and_what_was_wanted() -> None:
    compiled = compile_pattern({"order": {"items": {"sku": ["a"], "n": [{"numeric": [">", 1]}]}}})
    payload = {"order": {"items": [{"sku": "b", "n": 1}, {"sku": "a", "n": 1}]}}
    (failed,) = compiled.explain(payload)
    assert (failed.path, failed.seen, failed.wanted) == ("payload.order.items.n", "1", '[{"numeric":[">",1]}]')
    assert compiled.explain({})[0].seen == "nothing"


def test_explain_tells_what_the_element_that_comes_nearest_lacks() -> None:
    compiled = compile_pattern({"a": {"b": [{"exists": False}]}})
    (failed,) = compiled.explain({"a": [{"c": 1}, {"b": 1}]})
    assert (failed.path, failed.seen, failed.wanted) == ("payload.a.b", "1", '[{"exists":false}]')


def test_explain_tells_what_all_branches_want_and_what_the_nearest_lacks() -> None:
    compiled = compile_pattern({"$or": [{"a": [1], "b": [1]}, {"c": [3]}], "d": [4]})
    assert [failed.path for failed in compiled.explain({"x": 0})] == ["payload.d", "payload.c"]


def deep(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


HUGE: list[Any] = [2**80, 10**5000, -(10**5000), float("nan"), float("inf"), deep(1, 5000), {"b": deep({}, 5000)}]


@pytest.mark.parametrize("value", HUGE, ids=range(len(HUGE)))
@pytest.mark.parametrize(
    "wanted",
    [["x"], [None, {"prefix": "x"}], [{"numeric": ["<", 0]}, {"cidr": "10.0.0.0/8"}], {"b": {"c": [1]}}],
    ids=["text", "prefix", "numeric", "nested"],
)
def test_explain_reads_any_payload(wanted: Any, value: Any) -> None:
    compiled = compile_pattern({"a": wanted})
    assert not compiled.matches({"a": value})
    assert compiled.explain({"a": value})


def test_explain_shows_integers_beyond_64_bits() -> None:
    assert compile_pattern({"a": [1]}).explain({"a": 2**80})[0].seen == str(2**80)

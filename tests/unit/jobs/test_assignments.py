"""`-jv KEY=VALUE` and `-p KEY=VALUE`."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.errors import AutomationsError
from automations.jobs import parse_assignments

TEXT_AS_TYPED = [
    "", " ", "0123", "+1", "2024-01-01", "1:59:59", "C:\\new", "[1,2", "a=b", "=", "no", "True", "None", "NaN",
    "Infinity", "-Infinity", ".5", "1_000", "0x10", "'quoted'", "{a: 1}", '{"a":1,"a":2}', "18446744073709551616",
    "1e999", '"\\ud800"', "[" * 5000, "1" * 5000, "12 34",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXT_AS_TYPED)
def test_what_is_no_strict_json_stays_the_text_that_was_typed(text: str) -> None:
    assert parse_assignments([f"key={text}"]) == {"key": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4), ("-0.5", -0.5), ("1e3", 1000.0), ("true", True), ("false", False), ("null", None),
        ('"4"', "4"), ("[1, 2]", [1, 2]), ('{"a": {"b": [null]}}', {"a": {"b": [None]}}),
        ("18446744073709551615", 2**64 - 1), (" 4 ", 4),
    ],
)  # fmt: skip
def test_json_is_read_with_its_type(text: str, value: object) -> None:
    read = parse_assignments([f"key={text}"])["key"]
    assert read == value
    assert type(read) is type(value)


def test_the_first_equals_sign_splits_and_dotted_keys_stay_for_the_merge() -> None:
    assert parse_assignments(["env.URL=postgres://h?a=b", "cpu=2", "cpu=3"]) == {
        "env.URL": "postgres://h?a=b",
        "cpu": 3,
    }


@pytest.mark.parametrize(
    ("text", "value"), [("1.10", "1.10"), ("1e3", "1e3"), ("4", 4), ("true", True), ("1.5", 1.5), ('"1"', "1")]
)
def test_a_number_for_the_environment_is_never_rewritten(text: str, value: object) -> None:
    assert parse_assignments([f"env.VERSION={text}"]) == {"env.VERSION": value}


@pytest.mark.parametrize("assignment", ["novalue", "=4", " =4", ""])
def test_what_assigns_nothing_is_refused_with_the_way_to_write_it(assignment: str) -> None:
    with pytest.raises(AutomationsError, match="KEY=VALUE") as caught:
        parse_assignments([assignment])
    assert caught.value.code == "bad-assignment"


@given(st.text())
def test_every_text_is_json_or_itself(text: str) -> None:
    value = parse_assignments([f"key={text}"])["key"]
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        assert value == text
    else:
        assert value in (expected, text)

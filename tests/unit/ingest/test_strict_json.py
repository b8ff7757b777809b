"""Strict JSON: the fast path and a slow, obvious oracle agree on every input."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automations.errors import Refused
from automations.ingest import parse_items, parse_json


class Unacceptable(Exception):
    pass


def once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in items]
    if len(set(keys)) < len(keys):
        raise Unacceptable
    return dict(items)


def no_constant(text: str) -> None:
    raise Unacceptable


def integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise Unacceptable
    return number


def double(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Unacceptable
    return number


def check(value: Any, depth: int) -> None:
    if isinstance(value, dict | list) and depth == 32:
        raise Unacceptable
    if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Unacceptable
    children = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    for child in children if isinstance(value, dict | list) else []:
        check(child, depth + 1)


def oracle(raw: bytes) -> Any:
    """The rules, written down one by one, with no thought for speed."""
    hooks = {"parse_constant": no_constant, "parse_int": integer, "parse_float": double}
    try:
        value = json.loads(raw.decode(), object_pairs_hook=once, **hooks)
    except ValueError as error:
        raise Unacceptable from error
    check(value, 0)
    return value


def assert_agreement(raw: bytes) -> None:
    try:
        wanted = oracle(raw)
    except Unacceptable:
        with pytest.raises(Refused):
            parse_json(raw)
    else:
        found = parse_json(raw)
        assert found == wanted
        assert json.dumps(found) == json.dumps(wanted)


keys = st.sampled_from(["a", "b", "é", "a\\n", "\\u0061", "\\ud83d\\ude00", "\\ud800", '\\"', "1" * 19])
numbers = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from([str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1), "-0", "-0.0", "1e400", "1E5"]),
    st.floats(allow_nan=True, allow_infinity=True).map(json.dumps),
)
scalars = st.one_of(st.sampled_from(["true", "null"]), keys.map(lambda key: f'"{key}"'), numbers)


def containers(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(keys, children).map(lambda item: f'"{item[0]}": {item[1]}')
    objects = st.lists(pair, max_size=3).map(lambda items: "{" + ",".join(items) + "}")
    return objects | st.lists(children, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")


documents = st.recursive(scalars, containers, max_leaves=12)


@settings(max_examples=400)
@given(documents)
@example('{"a":1,"a":2}')
@example('{"a":{"b":1,"b":"x"}}')
@example('{"a":"","":""}')
@example('{"":1,"":2}')
@example('{"a\\u0062":1,"ab":2}')
@example("[" * 32 + "]" * 32)
@example("[" * 33 + "]" * 33)
@example('{"a":' * 31 + "{}" + "}" * 31)
@example('{"a":' * 32 + "[]" + "}" * 32)
@example('["' + "[" * 40 + '"]')
@example("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]")
@example("\ufeff{}")
def test_the_fast_path_and_the_oracle_agree_on_json(text: str) -> None:
    assert_agreement(text.encode())


@settings(max_examples=200)
@given(st.binary(max_size=24) | st.text(alphabet='{}[]",:\\0123456789eE+-.ntrufals ', max_size=24).map(str.encode))
def test_the_fast_path_and_the_oracle_agree_on_rubbish(raw: bytes) -> None:
    assert_agreement(raw)


@pytest.mark.parametrize(
    ("raw", "code", "status"),
    [
        (b"", "bad-json", 400),
        (b"{", "bad-json", 400),
        (b"nonsense", "bad-json", 400),
        (b'{"a":1}x', "bad-json", 400),
        (b'"\xff"', "bad-json", 400),
        (b'"\xed\xa0\x80"', "bad-json", 400),
        (b"\xef\xbb\xbf{}", "bad-json", 400),
        ('{"a":1}'.encode("utf-16"), "bad-json", 400),
        (b'{"a":1,"a":1}', "duplicate-key", 422),
        (b'{"a":1,"\\u0061":1}', "duplicate-key", 422),
        (b"[NaN]", "number-range", 422),
        (b"-Infinity", "number-range", 422),
        (b"9223372036854775808", "number-range", 422),
        (b"-9223372036854775809", "number-range", 422),
        (b"1" * 5000, "number-range", 422),
        (b"1e400", "number-range", 422),
        (b'"\\ud800"', "bad-text", 422),
        (b'{"\\udfff":1}', "bad-text", 422),
        (b"[" * 33 + b"]" * 33, "too-deep", 422),
        (b"[" * 100_000 + b"]" * 100_000, "too-deep", 422),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too-deep", 422),
    ],
)
def test_what_is_refused_is_refused_with_its_code(raw: bytes, code: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        parse_json(raw)
    assert (caught.value.code, caught.value.status) == (code, status)


def test_the_ends_of_64_bits_and_text_of_digits_are_kept() -> None:
    raw = b'[9223372036854775807,-9223372036854775808,"99999999999999999999999",0.1234567890123456789012]'
    assert parse_json(raw) == [2**63 - 1, -(2**63), "9" * 23, 0.12345678901234568]


def test_a_defect_refuses_its_own_item_and_no_other() -> None:
    raw = (
        b'[{"a":1},{"a":1,"a":2},NaN,{"a":[{"b":99999999999999999999}]},"\\ud800",'
        + b"[" * 33
        + b"]" * 33
        + b",7]"
    )
    body = parse_items(raw, max_items=10)
    seen = [item.code if isinstance(item, Refused) else item for item in body.items]
    assert body.batch
    assert seen == [{"a": 1}, "duplicate-key", "number-range", "number-range", "bad-text", "too-deep", 7]


def test_depth_counts_from_the_item_of_a_batch() -> None:
    item = b"[" * 32 + b"]" * 32
    body = parse_items(b"[" + item + b",[" + item + b"]]", max_items=2)
    assert [isinstance(item, Refused) for item in body.items] == [False, True]


def test_a_batch_over_its_bound_is_refused_whole() -> None:
    with pytest.raises(Refused) as caught:
        parse_items(b"[1,2,3]", max_items=2)
    assert (caught.value.code, caught.value.status) == ("batch-too-large", 413)


def test_a_single_value_is_no_batch() -> None:
    body = parse_items(b'{"a":1,"a":2}', max_items=5)
    assert not body.batch
    assert [item.code for item in body.items] == ["duplicate-key"]


def test_many_keys_with_the_last_one_twice_are_refused_at_once() -> None:
    keys = ",".join(f'"{number}":1' for number in range(100_000))
    with pytest.raises(Refused, match="'99999' stands twice"):
        parse_json(f'{{{keys},"99999":1}}'.encode())

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.rulefiles import Document, read_yaml


def data(text: str, file: str = "f.yaml") -> list[Any]:
    documents, problems = read_yaml(text, file)
    assert problems == []
    return [document.data for document in documents]


def lines(text: str | bytes, file: str = "f.yaml") -> list[str]:
    return [str(problem) for problem in read_yaml(text, file)[1]]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("1:59:59", "1:59:59"),
        ("2024-01-01", "2024-01-01"),
        ("012", 12),
        ("0o17", 15),
        ("0o8", "0o8"),
        ("0x10", 16),
        ("-0x10", "-0x10"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        (".", "."),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("-9223372036854775808", -(2**63)),
        ("~", None),
        ("True", True),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ("+1", 1),
        ("12345e7", 12345e7),
        ("|\n  a\n  b\n", "a\nb\n"),
        ('"\\u2028\\N"', "\u2028\x85"),
    ],
)
def test_scalars_follow_the_core_schema(scalar: str, value: Any) -> None:
    (read,) = data(f"- {scalar}\n")[0]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!str y", "1:4 [yaml-tag] the tag '!!str' is not allowed; remove it"),
        ("a: ! y", "1:4 [yaml-tag] the tag '!' is not allowed; remove it"),
        ("a: !eu", "1:4 [yaml-tag] the tag '!eu' is not allowed; if it is an exclusion, write \"!eu\" in quotes"),
        ("a: 1\nb: 2\na: 3", "3:1 [duplicate-key] 'a' stands twice; the first is at f.yaml:1:1"),
        ("<<: {a: 1}\n<<: {b: 1}", "2:1 [duplicate-key] '<<' stands twice; the first is at f.yaml:1:1"),
        ("1: x", "1:1 [bad-key] the key 1 is no text; write it in quotes"),
        ("true: x", "1:1 [bad-key] the key true is no text; write it in quotes"),
        (
            "a: {{ event.id }}",
            '1:5 [bad-key] a key is one text, not a mapping or a list; a template stands in quotes: "{{ ... }}"',
        ),
        (
            "a: *b",
            '1:4 [yaml-alias] the alias *b names no earlier anchor; if it is a wildcard, write "*b" in quotes',
        ),
        (
            "a: &b [*b]",
            '1:8 [yaml-alias] the alias *b names no earlier anchor; if it is a wildcard, write "*b" in quotes',
        ),
        ("a: .nan", "1:4 [bad-number] .nan is no number of JSON; write it in quotes if it is text"),
        ("a: 1e999", "1:4 [bad-number] 1e999 is beyond the numbers of JSON; write it in quotes if it is text"),
        (
            "a: 9223372036854775808",
            "1:4 [bad-number] the integer is beyond 64 bits; write it in quotes if it is text",
        ),
        ("a: 0x" + "f" * 50, "1:4 [bad-number] the number has too many digits; write it in quotes if it is text"),
        ('a: "\\0"', "1:4 [bad-text] a text must not hold the character U+0000"),
        ("b: \x1b", "1:4 [bad-text] the character U+001B must not stand in a file; remove it"),
        ("b: \ud800", "1:4 [bad-text] the character U+D800 must not stand in a file; remove it"),
        (
            "b: x\u2028c: y",
            '1:5 [bad-text] the character U+2028 must not stand in a file; write "\\u2028" in double quotes',
        ),
        (b"a: 1\nb: \xc3\xa4\xff", "2:5 [bad-text] the file is not UTF-8; save it as UTF-8"),
        ("[" * 40, "1:33 [too-deep] nested deeper than 32 levels"),
        ("<<: 1", "1:1 [yaml-merge] '<<' merges mappings only; write <<: *anchor"),
        (
            "a: [1\nb: 2",
            "2:2 [yaml-syntax] did not find expected ',' or ']' while parsing a flow sequence "
            "that starts at f.yaml:1:4",
        ),
        (
            "a:\n\t- b",
            "2:1 [yaml-syntax] found character that cannot start any token; indent with spaces, not with tabs",
        ),
        (
            "a: b: c",
            "1:5 [yaml-syntax] mapping values are not allowed in this context; "
            "put a text that holds ': ' in quotes",
        ),
        (
            "a: {% if x %}",
            "1:5 [yaml-syntax] found character that cannot start any token; "
            'a template stands in quotes: "{{ ... }}"',
        ),
        (
            "a: *.failed",
            "1:5 [yaml-syntax] did not find expected alphabetic or numeric character while scanning an alias "
            "that starts at f.yaml:1:4; put a text that begins with '*' in quotes",
        ),
    ],
)
def test_each_defect_is_one_line_with_its_place_and_its_mend(text: str | bytes, expected: str) -> None:
    assert lines(text) == [f"f.yaml:{expected}"]


def test_a_file_beyond_256_kib_is_refused_and_one_of_256_kib_is_read() -> None:
    assert lines("x" * (256 * 1024 + 1)) == [
        "f.yaml [too-large] the file is larger than 256 KiB; divide it into several files"
    ]
    assert lines("ä" * (128 * 1024 + 1))[0].startswith("f.yaml [too-large]")
    assert data("x" * (256 * 1024)) == ["x" * (256 * 1024)]


def test_every_defect_of_a_file_is_told_in_one_run() -> None:
    text = "a: !x 1\nb: .inf\na: 2\n---\nfine: 1\n---\nc: *d\ne: [\n"
    assert [line.split("]")[0] for line in lines(text)] == [
        "f.yaml:1:4 [yaml-tag",
        "f.yaml:2:4 [bad-number",
        "f.yaml:3:1 [duplicate-key",
        "f.yaml:7:4 [yaml-alias",
        "f.yaml:9:1 [yaml-syntax",
    ]
    documents, _ = read_yaml(text, "f.yaml")
    assert [document.data for document in documents] == [{"fine": 1}]


def test_anchors_and_merge_keys_work_and_the_nearer_value_wins() -> None:
    text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nuse:\n  <<: [*base, *other]\n  a: 9\n"
    assert data(text)[0]["use"] == {"a": 9, "b": 2, "c": 4}


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    assert data('"<<": {a: 1}') == [{"<<": {"a": 1}}]


def test_anchors_end_with_their_document() -> None:
    assert lines("a: &a 1\n---\nb: *a\n")[0].startswith("f.yaml:2:4 [yaml-alias]") is False
    assert lines("a: &a 1\n---\nb: *a\n")[0].startswith("f.yaml:3:4 [yaml-alias]")


@pytest.mark.parametrize(("inside", "levels"), [("x", 32), ("[]", 31), ("[x]", 31), ("{a: x}", 31)])
def test_an_alias_is_as_deep_as_what_it_stands_for(inside: str, levels: int) -> None:
    def aliased(depth: int) -> str:  # the list that holds both is a level itself
        return f"- &a {inside}\n- {'[' * (depth - 1)}*a{']' * (depth - 1)}\n"

    assert lines(aliased(levels)) == []
    assert lines(aliased(levels + 1))[0].split("]")[0].endswith("[too-deep")


def test_aliases_may_add_ten_thousand_values_and_no_more() -> None:
    assert lines("- &a x\n" + "- *a\n" * 10_000) == []
    assert lines("- &a x\n" + "- *a\n" * 10_001) == [
        "f.yaml:10002:3 [yaml-alias] aliases add more than 10000 values"
    ]


def test_every_part_knows_its_place() -> None:
    (document,), _ = read_yaml("a:\n  - b: 1\n    c: 2\n", "f.yaml")
    assert str(document.location(("a", 0, "c"), key=True)) == "f.yaml:3:5"
    assert str(document.location(("a", 0, "c"))) == "f.yaml:3:8"
    assert str(document.location(("a", 0, "missing"))) == "f.yaml:2:5"
    assert str(document.location(("a", 0, "missing"), key=True)) == "f.yaml:2:5"


def test_an_alias_stands_where_it_is_used_and_its_parts_where_they_are_written() -> None:
    (document,), _ = read_yaml("- &a {b: 1}\n- *a\n- {<<: *a}\n", "f.yaml")
    assert [str(document.location(path)) for path in [(1,), (1, "b"), (2, "b")]] == [
        "f.yaml:2:3",
        "f.yaml:1:10",
        "f.yaml:1:10",
    ]


def test_a_byte_order_mark_takes_no_column() -> None:
    for text in ("\ufeffa: 1", b"\xef\xbb\xbfa: 1"):
        (document,), _ = read_yaml(text, "f.yaml")
        assert str(document.location(("a",), key=True)) == "f.yaml:1:1"


def test_empty_documents_are_no_documents() -> None:
    assert data("# nothing\n---\n---\na: 1\n---\nnull\n") == [{"a": 1}]
    assert data("") == []


def test_json_that_is_indented_by_tabs_and_escapes_as_json_does_is_read() -> None:
    text = '{\n\t"a\\/b": "\\ud83d\\ude00 \\u00e4 \\\\ud83d",\n\t"c": [\n\t\t1\n\t]\n}\n'
    assert data(text, "f.json") == [json.loads(text)]


def test_half_a_pair_of_json_escapes_is_refused() -> None:
    assert lines('{"a": "\\ud83d"}', "f.json")[0].startswith("f.json:1:10 [yaml-syntax]")


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from("\t\n\r\x85"), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["no", "1e3", "<<", "1:59", "~", "*a", "!a", "{{ x }}", "\\ud83d\\ude00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Quoting(yaml.SafeDumper):
    """A YAML 1.1 writer leaves texts bare that are numbers in 1.2, such as 1e3."""


Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


@settings(max_examples=150, deadline=None)
@given(value=JSON, flow=st.booleans())
def test_what_yaml_writes_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.dump({"v": value}, Dumper=Quoting, default_flow_style=flow, width=1_000)
    assert data(text) == [{"v": value}]


@settings(max_examples=150, deadline=None)
@given(value=JSON, indent=st.sampled_from([None, 2, "\t"]), ascii_only=st.booleans())
def test_json_is_read_back_and_every_part_stands_where_its_place_says(
    value: Any, indent: Any, ascii_only: bool
) -> None:
    def written(part: Any) -> str:
        return json.dumps(part, ensure_ascii=ascii_only).replace("\x85", "\\u0085").replace("\u2028", "\\u2028")

    text = json.dumps({"v": value}, indent=indent, ensure_ascii=ascii_only)
    text = text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    (document,), problems = read_yaml(text, "f.json")
    assert (document.data, problems) == ({"v": value}, [])
    for path, part in parts(value, ("v",)):
        start = "[" if isinstance(part, list) else "{" if isinstance(part, dict) else written(part)
        assert text_at(text, document, path).startswith(start.replace("\u2029", "\\u2029"))


def text_at(text: str, document: Document, path: tuple[str | int, ...]) -> str:
    place = document.location(path)
    return text.split("\n")[place.line - 1][place.column - 1 :]


def parts(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(found for step, item in inside for found in parts(item, (*path, step)))]

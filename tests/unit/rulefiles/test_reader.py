from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.rulefiles import read_yaml


def data(text: str) -> Any:
    documents, problems = read_yaml(text, "f.yaml")
    assert problems == []
    return [document.data for document in documents]


def problem(text: str | bytes) -> str:
    _, problems = read_yaml(text, "f.yaml")
    assert len(problems) == 1
    return str(problems[0])


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("1:59:59", "1:59:59"),
        ("2024-01-01", "2024-01-01"),
        ("012", 12),
        ("0o17", 15),
        ("0x10", 16),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("~", None),
        ("true", True),
        ("'true'", "true"),
        ("+1", 1),
        ("<<", "<<"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_follow_the_core_schema(scalar: str, value: Any) -> None:
    assert data(f"- {scalar}\n") == [[value]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: !x y", "f.yaml:1:4 [yaml-tag] the tag '!x' is not allowed; remove it"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1 [duplicate-key] 'a' stands twice; the first is at f.yaml:1:1"),
        ("1: x", "f.yaml:1:1 [bad-key] the key 1 is no text; write it in quotes"),
        ("a: *b", "f.yaml:1:4 [yaml-alias] the alias *b names no earlier anchor"),
        ("a: &b [*b]", "f.yaml:1:8 [yaml-alias] the alias *b names no earlier anchor"),
        ("a: .nan", "f.yaml:1:4 [bad-number] .nan is no number of JSON; write it in quotes"),
        ("a: 99999999999999999999", "f.yaml:1:4 [bad-number] the integer is beyond 64 bits; write it in quotes"),
        ('a: "\\0"', "f.yaml:1:4 [bad-text] the text holds a character that JSON cannot carry"),
        (b"a: 1\nb: \xff", "f.yaml:2:1 [bad-text] the file is not UTF-8"),
        ("[" * 40, "f.yaml:1:33 [too-deep] nested deeper than 32 levels"),
        ("x" * 300_000, "f.yaml [too-large] the file is larger than 256 KiB"),
        ("<<: 1", "f.yaml:1:1 [yaml-merge] '<<' merges mappings only; write <<: *anchor"),
    ],
)  # fmt: skip
def test_each_defect_is_told_with_its_place(text: str | bytes, line: str) -> None:
    assert problem(text) == line


def test_a_syntax_error_is_told_with_its_place() -> None:
    assert problem("a: [1\nb: 2").startswith("f.yaml:2:2 [yaml-syntax]")


def test_anchors_and_merge_keys_work_and_the_nearer_value_wins() -> None:
    text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nuse:\n  <<: [*base, *other]\n  a: 9\n"
    assert data(text)[0]["use"] == {"a": 9, "b": 2, "c": 4}


def test_every_part_knows_its_place() -> None:
    (document,), _ = read_yaml("a:\n  - b: 1\n    c: 2\n", "f.yaml")
    assert str(document.location(("a", 0, "c"), key=True)) == "f.yaml:3:5"
    assert str(document.location(("a", 0, "c"))) == "f.yaml:3:8"
    assert str(document.location(("a", 0, "missing"))) == "f.yaml:2:5"


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [{','.join(['*a'] * 200)}]}}\n" for n in range(200))
HOSTILE = {
    "billion laughs": LAUGHS,
    "merge bomb": MERGES,
    "brackets": "[" * 250_000,
    "braces": "{a: " * 60_000,
    "sexagesimal": "a: " + "1:59" * 60_000,
    "long number": "a: " + "9" * 250_000,
    "anchors": "".join(f"- &a{n} x\n" for n in range(25_000)),
    "question marks": "? " * 120_000,
    "dashes": "- " * 120_000,
    "documents": "---\n" * 60_000,
    "quotes": '"' * 250_001,
    "percent": "%" * 250_000,
}

SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (400_000_000, 400_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from automations.rulefiles import read_yaml
documents, problems = read_yaml(sys.stdin.read(), "f.yaml")
print(len(problems))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_within_bounds(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=HOSTILE[name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]


KEYS = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON.filter(lambda value: value is not None))
def test_what_yaml_writes_is_read_back(value: Any) -> None:
    text = yaml.safe_dump({"v": value}, allow_unicode=False, default_style='"' if isinstance(value, str) else None)
    documents, problems = read_yaml(text, "f.yaml")
    if not problems:
        assert _same(documents[0].data["v"], value)


def _same(read: Any, written: Any) -> bool:
    """YAML 1.1 writers leave some texts bare that 1.2 reads as text as well, and the other way round."""
    if isinstance(written, list):
        return len(read) == len(written) and all(map(_same, read, written))
    if isinstance(written, dict):
        return set(read) == set(written) and all(_same(read[key], written[key]) for key in written)
    return read == written or isinstance(written, str | float)

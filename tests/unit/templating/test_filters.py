"""Every filter and every test: what it yields, and how it fails."""

from __future__ import annotations

from typing import Any

import pytest

from automations.errors import RenderError
from automations.templating import compile_template
from automations.templating.conditions import TESTS
from automations.templating.filter_expressions import FAMILY_NAMES
from automations.templating.filters import FILTERS

FILTERED: list[tuple[str, Any]] = [
    ("event.payload.missing | default('x')", "x"),
    ("event.payload.missing | d", ""),
    ("event.payload.missing | default(default_value=1)", 1),
    ("event.payload.cpu | default(event.payload.missing)", 4),
    ("event.payload.missing | default(event.payload.gone) | default('last')", "last"),
    ("'' | default('x', true)", "x"),
    ("'' | default('x', boolean=true)", "x"),
    ("'' | default('x')", ""),
    ("none | default('x')", None),
    ("event.payload.text | lower | replace(' ', '-')", "hello-big--world"),
    ("'aaa' | replace('a', 'b', 2)", "bba"),
    ("'ab' | replace('', '-')", "-a-b-"),
    ("4 | replace('4', 'x')", "x"),
    ("event.payload.text | upper", "HELLO BIG  WORLD"),
    ("'aB cD' | capitalize", "Ab cd"),
    ("'ab-cd (eF' | title", "Ab-Cd (Ef"),
    ("' a ' | trim", "a"),
    ("'xax' | trim('x')", "a"),
    ("event.payload.text | truncate(8, true)", "Hello..."),
    ("event.payload.text | truncate(10, end='~')", "Hello~"),
    ("event.payload.text | truncate(14)", "Hello big  World"),
    ("event.payload.text | truncate(14, leeway=0)", "Hello big ..."),
    ("event.payload.text | length", 16),
    ("labels | count", 1),
    ("event.payload.items | sort | first", 1),
    ("'abc' | first ~ 'abc' | last", "ac"),
    ("labels | last", "customer"),
    ("event.payload.items | last", 2),
    ("event.payload.items | join('-')", "3-1-2"),
    ("event.payload.people | join(',', attribute='n')", "ann,Bob"),
    ("'12' | int + 1", 13),
    ("'x' | int(7)", 7),
    ("' 42.9 ' | int", 42),
    ("'0x1A' | int(base=16)", 26),
    ("none | int", 0),
    ("true | int", 1),
    ("'inf' | int(-1)", -1),
    ("'1.5' | float", 1.5),
    ("'x' | float(none)", None),
    ("'nan' | float(1)", 1),
    ("4 | string", "4"),
    ("none | string", "null"),
    ("-3 | abs", 3),
    ("2.567 | round(1)", 2.6),
    ("2.1 | round(0, 'ceil')", 3.0),
    ("2.19 | round(1, 'floor')", 2.1),
    ("1250 | round(-2)", 1200),
    ("event.payload.items | min + event.payload.items | max", 4),
    ("event.payload.people | max(attribute='age')", {"n": "ann", "age": 30}),
    ("['b', 'A'] | min", "A"),
    ("['b', 'A', 'a'] | max(case_sensitive=true)", "b"),
    ("[] | max | default('none')", "none"),
    ("event.payload.items | sum", 6),
    ("event.payload.people | sum(attribute='age')", 50),
    ("[0.5] | sum(start=1)", 1.5),
    ("['b', 'A', 'c'] | sort", ["A", "b", "c"]),
    ("['b', 'a'] | sort(true)", ["b", "a"]),
    ("event.payload.people | sort(attribute='age') | map(attribute='n')", ["Bob", "ann"]),
    ("[1, 1, 2, 1.0, true] | unique", [1, 2, True]),
    ("['a', 'A', 'b'] | unique", ["a", "b"]),
    ("['a', 'A'] | unique(true)", ["a", "A"]),
    ("[[1], [1], '[1]', {'a': 1}] | unique", [[1], "[1]", {"a": 1}]),
    ("'ab' | list", ["a", "b"]),
    ("labels | list", ["customer"]),
    ("labels | items", [["customer", "acme"]]),
    ("missing | items", []),
    ("event.payload.people | map(attribute='n')", ["ann", "Bob"]),
    ("event.payload.people | map(attribute='boss', default='-')", ["-", "ann"]),
    ("[[1, 2], [3]] | map(attribute=0)", [1, 3]),
    ("[{'a': [{'b': 1}]}] | map(attribute='a.0.b')", [1]),
    ("['a', 'b'] | map('upper')", ["A", "B"]),
    ("['a.b'] | map('replace', '.', '-')", ["a-b"]),
    ("['a1', 'b'] | map('regex_match', '[a-z]$')", [False, True]),
    ("['x'] | map('truncate', length=3)", ["x"]),
    ("[0, 1, '', 'a', none] | select", [1, "a"]),
    ("[0, 1] | reject", [0]),
    ("[1, 2, 3] | select('odd')", [1, 3]),
    ("[1, 2, 3] | reject('in', [1, 3])", [2]),
    ("[1, 2, 3] | select('>', 1)", [2, 3]),
    ("event.payload.people | selectattr('age', '>=', 25) | map(attribute='n')", ["ann"]),
    ("event.payload.people | selectattr('n', '==', 'Bob') | length", 1),
    ("event.payload.people | rejectattr('boss', 'defined') | map(attribute='n')", ["ann"]),
    ("event.payload.people | selectattr('age') | length", 2),
    ("labels | tojson", '{"customer":"acme"}'),
    ("'<b>' | tojson", '"<b>"'),
    ("[1] | tojson(indent=2)", "[\n  1\n]"),
    ("'a b/c?é' | urlencode", "a%20b/c%3F%C3%A9"),
    ("{'a b': 1, 'c': '&'} | urlencode", "a+b=1&c=%26"),
    ("'release-1.2' | regex_match('release-[0-9.]+$')", True),
    ("'a1' | regex_match('\\d')", False),
    ("'a1' | regex_match(pattern='.\\d')", True),
    ("'acme' | regex_match(labels.customer)", True),
    ("'refs/heads/main' | regex_replace('^refs/heads/', '')", "main"),
    ("'a-b' | regex_replace('(a)-(b)', '\\\\2\\\\1')", "ba"),
    ("'é1é' | regex_replace('é')", "1"),
    ("'ab' | regex_replace('', '-')", "-a-b-"),
    ("'Über Größe 7!' | slug", "uber-grosse-7"),
    ("'' | sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("'é' | sha256", "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"),
    ("'2026-03-01T00:30:00+01:00' | datetime('%Y-%m-%d')", "2026-02-28"),
    ("event.occurred | datetime", "2026-03-01T00:30:00Z"),
    ("event.occurred | datetime(shift='-1d')", "2026-02-28T00:30:00Z"),
    ("event.occurred | datetime('%d.%m.%y %H:%M:%S %%', shift='1h30m')", "01.03.26 02:00:00 %"),
    ("event.occurred | datetime(shift=-60)", "2026-03-01T00:29:00Z"),
    ("0.5 | datetime", "1970-01-01T00:00:00.500000Z"),
    ("-1 | datetime('%Y')", "1969"),
    ("[1, 2, 3, 4, 11, 12, 13, 21, 22, 101] | map('ordinal') | join(' ')",
     "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), FILTERED)
def test_a_filter_yields(render: Any, expression: str, value: Any) -> None:
    result = render("{{ " + expression + " }}")
    assert result == value
    assert type(result) is type(value)


def test_every_filter_stands_in_the_table() -> None:
    written = " ".join(expression for expression, _ in FILTERED)
    missing = [
        name for name in (*FILTERS, *FAMILY_NAMES) if f"| {name}" not in written and f"'{name}'" not in written
    ]
    assert missing == ["ui_url"]  # below


TESTED = [
    ("count is defined", True), ("missing is defined", False), ("event.payload.gone is undefined", True),
    ("none is none", True), ("0 is none", False), ("true is boolean", True), ("true is true", True),
    ("1 is true", False), ("false is false", True), ("1 is integer", True), ("1.0 is integer", False),
    ("1.5 is float", True), ("1 is number", True), ("true is number", False), ("'a' is string", True),
    ("labels is mapping", True), ("[] is sequence", True), ("1 is iterable", False), ("1 is in [1]", True),
    ("3 is odd", True), ("3 is even", False), ("9 is divisibleby 3", True), ("'a' is lower", True),
    ("'a' is upper", False), ("1 is eq 1", True), ("1 is equalto 2", False), ("1 is ne 2", True),
    ("1 is lt 2", True), ("1 is lessthan 2", True), ("1 is le 1", True), ("2 is gt 1", True),
    ("2 is greaterthan 1", True), ("2 is ge 3", False), ("2 is not odd", True),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "holds"), TESTED)
def test_a_test_holds_or_not(render: Any, expression: str, holds: bool) -> None:
    assert render("{{ " + expression + " }}") is holds


def test_every_test_stands_in_the_table() -> None:
    written = {word for expression, _ in TESTED for word in expression.split()}
    assert {name for name in TESTS if name.isalpha()} <= written


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("missing | upper", "undefined"),
        ("labels | upper", "type"),
        ("3 | length", "type"),
        ("3 | truncate", "type"),
        ("'abcdef' | truncate('x')", "type"),
        ("'abcdefgh' | truncate(1)", "type"),
        ("'a' | abs", "type"),
        ("true | abs", "type"),
        ("1.5 | round(100000000, 'floor')", "type"),
        ("1.5 | round(method='up')", "type"),
        ("1e308 | round(5, 'ceil')", "type"),
        ("[1, 'a'] | sort", "type"),
        ("[1, 'a'] | min", "type"),
        ("[1, 'a'] | sum", "type"),
        ("[1] | join(attribute='a')", "undefined"),
        ("['a'] | map('trim', 5)", "type"),
        ("[{'a': [1]}] | map(attribute='a.²')", "undefined"),
        ("[1] | map(attribute=[1])", "type"),
        ("event.payload.people | map(attribute='boss')", "undefined"),
        ("event.payload.people | selectattr('boss')", "undefined"),
        ("event.payload.people | selectattr('n', '>', 3)", "type"),
        ("labels | tojson(indent=1000000000)", "type"),
        ("3 | items", "type"),
        ("[1] | urlencode", "type"),
        ("'x' | regex_match(event.payload.items)", "type"),
        ("'x' | regex_match('(' ~ '')", "type"),
        ("'abc' | regex_replace('(a)', '\\\\9')", "type"),
        ("'abc' | regex_replace('(a)', '\\\\g<x>')", "type"),
        ("'yesterday' | datetime", "type"),
        ("labels | datetime", "type"),
        ("100000000000000000 | datetime", "type"),
        ("event.occurred | datetime('%999999999d')", "type"),
        ("event.occurred | datetime('%')", "type"),
        ("event.occurred | datetime(shift='soon')", "type"),
        ("1.5 | ordinal", "type"),
        ("flow_run | ui_url", "undefined"),
    ],
)
def test_a_filter_fails_with_a_code(render: Any, expression: str, code: str) -> None:
    with pytest.raises(RenderError) as caught:
        render("{{ " + expression + " }}")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("flow_run", {"id": "a1", "name": "x"}, "https://ui/runs/flow-run/a1"),
        ("flow", {"id": "a1", "name": "x"}, "https://ui/flows/flow/a1"),
        ("deployment", {"id": "../x?y", "name": "x"}, "https://ui/deployments/deployment/..%2Fx%3Fy"),
        ("work_pool", {"id": "a1", "name": "my pool"}, "https://ui/work-pools/work-pool/my%20pool"),
        ("work_queue", {"id": "a1", "name": "x"}, "https://ui/work-queues/work-queue/a1"),
    ],
)
def test_ui_url_names_the_page(name: str, value: dict[str, str], url: str) -> None:
    template = compile_template("{{ " + name + " | ui_url }}")
    assert template.render({name: value, "ui_base_url": "https://ui/"}) == url
    assert template.names == {name}


def test_ui_url_says_which_setting_it_needs() -> None:
    with pytest.raises(RenderError, match="ui_url needs the setting 'ui_base_url'"):
        compile_template("{{ flow_run | ui_url }}").render({"flow_run": {"id": "a"}})

"""Where Jinja gives plain data, it is what we give; its sandboxed, strict environment is the oracle."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from automations.errors import RenderError, TemplateError
from automations.templating import compile_template

WRITTEN = {None: "null", True: "true", False: "false"}


def written_as_json(text_filter: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja writes `True` inside text, JSON writes `true` (rules.md section 10)."""

    @functools.wraps(text_filter)
    def filtered(*args: Any) -> Any:
        return text_filter(*(WRITTEN[arg] if isinstance(arg, bool | None) else arg for arg in args))

    return filtered


JINJA = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    optimized=False,  # folding constants, Jinja fails on what is undefined in a branch that is never taken
)
for name in ("lower", "upper", "title", "trim", "replace", "urlencode"):
    JINJA.filters[name] = written_as_json(JINJA.filters[name])
DATA: dict[str, Any] = {
    "count": 3,
    "ratio": 2.5,
    "labels": {"customer": "acme", "B": "b"},
    "rows": [{"n": "ann", "age": 30}, {"n": "Bob", "age": 20}, {"n": "cy", "age": 30, "tags": ["x"]}],
    "numbers": [3, 1, 2],
    "words": ["b", "A", "a", "B"],
    "text": "Hello big  World-wide (web)",
    "empty": "",
}


@pytest.mark.parametrize(
    "source",
    [
        "a {{- 1 -}} b", "a\n  {%- if true %}\nb\n{% endif -%}\n c\n", "{% raw %}{{ x }}{%- endraw %} ",
        "{% for r in rows %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %},{% endif %}{% endfor %}",
        "{% for r in rows if r.age == 30 %}{{ loop.index0 }}{{ r.n }}{% else %}none{% endfor %}",
        "{% for r in rows if r.age > 99 %}{{ r.n }}{% else %}none{% endfor %}",
        "{% for k, v in labels | items %}{{ k }}={{ v }};{% endfor %}",
        "{% for a in numbers %}{% for b in words %}{{ loop.revindex }}{% endfor %}{{ loop.index }}{% endfor %}",
        "{% for c in text %}{{ c }}{% endfor %}{% for k in labels %}{{ k }}{% endfor %}",
        "{% for numbers in rows %}{{ numbers.n }}{% endfor %}{{ numbers[0] }}",
        "{% if count > 3 %}a{% elif numbers %}b{% else %}c{% endif %}",
        "{% if empty or not labels %}a{% else %}b{% endif %}",
        "{{ 'yes' if 'n' in rows[0] else 'no' }}{{ 'x' if 'x' not in labels }}",
        "{{ text | title }}|{{ text | capitalize }}|{{ text | upper }}",
        "{{ text | truncate(9) }}|{{ text | truncate(9, true) }}",
        "{{ text | truncate(12, false, '…', 0) }}|{{ text | replace('l', 'L', 2) }}|{{ text | trim('H)') }}",
        "{{ 'a b&c/d?é' | urlencode }}|{{ {'a b': 'c&d'} | urlencode }}",
        "{{ words | sort | join }}|{{ words | sort(case_sensitive=true) | join }}|{{ words | unique | join }}",
        "{{ words | sort(reverse=true) | join(',') }}|{{ words | min }}|{{ words | max }}|{{ words | max(true) }}",
        "{{ rows | sort(attribute='age') | map(attribute='n') | join(',') }}|{{ rows | sum(attribute='age') }}",
        "{{ rows | sort(attribute='age', reverse=true) | map(attribute='n') | join(',') }}",
        "{{ rows | selectattr('age', 'eq', 30) | map(attribute='n') | join }}",
        "{{ rows | rejectattr('tags', 'defined') | list | length }}",
        "{{ rows | map(attribute='tags', default='-') | list | length }}",
        "{{ rows | map(attribute='tags.0', default='-') | join }}",
        "{{ numbers | select('odd') | join }}|{{ numbers | reject('gt', 1) | join }}",
        "{{ [0, 1, 2] | select | join }}",
        "{{ numbers | map('string') | join('+') }}|{{ words | map('replace', 'b', 'c') | join }}",
        "{{ 3 | round }}|{{ 2.675 | round(2) }}|{{ 2.5 | round }}|{{ 3.5 | round }}",
        "{{ 2.1 | round(0, 'ceil') }}|{{ -2.1 | round(0, 'floor') }}",
        "{{ '42.9' | int }}|{{ 'x' | int(-1) }}|{{ '0b11' | int(base=2) }}|{{ '7' | float }}|{{ '1e3' | int }}",
        "{{ -7 // 2 }}|{{ -7 % 3 }}|{{ 7.5 // 2 }}|{{ 1 / 4 }}|{{ 2 - -3 * 4 }}|{{ -ratio }}|{{ +count }}",
        "{{ text[2:8:2] }}|{{ text[-3:] }}|{{ numbers[::-1] | join }}",
        "{{ 'a' ~ 1 ~ 'b' }}|{{ 'a' + 'b' }}|{{ 'b' * 0 if false else 'c' }}",
        "{{ missing | default('d') }}|{{ labels.none | default(missing) | default('e') }}",
        "{{ empty | default('f', true) }}",
        "{{ text | first }}{{ text | last }}{{ numbers | first }}{{ labels | last }}{{ text | length }}",
        "{{ '\\n\\u00e9\\\\' }}", "{{ labels.customer }}{{ labels['B'] }}{{ rows[-1].tags[0] }}{{ rows.0.n }}",
    ],
)  # fmt: skip
def test_a_template_of_text_and_numbers_renders_as_jinja_renders_it(source: str) -> None:
    ours = compile_template(source, text=True)
    try:
        theirs = JINJA.from_string(source).render(DATA)
    except jinja2.UndefinedError:
        with pytest.raises(RenderError, match="undefined"):
            ours.render(DATA)
        return
    theirs = theirs.replace("True", "true").replace("False", "false")
    assert ours.render(DATA) == theirs


ATOMS = st.sampled_from(
    ["0", "1", "2.5", "-3", "'a b'", "'7'", "''", "true", "none", "count", "ratio", "labels", "labels.customer",
     "labels.missing", "missing", "rows", "rows[0].n", "rows[1]['age']", "numbers", "numbers[-1]", "words", "text",
     "[1, 'x']", "{'k': 1}"]
)  # fmt: skip
BINARY = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "and", "or", "in", "not in"])
FILTERED = [
    "length", "first", "last", "default('d')", "default(missing)", "default(0, true)", "int", "float", "list",
    "sort", "min", "max", "sum", "abs", "round", "round(1, 'floor')", "lower", "upper", "title", "trim",
    "items | list", "truncate(5)", "replace('a', 'bb')", "sort(reverse=true)", "map('upper') | list",
    "select('string') | list", "reject('none') | list", "map(attribute='n') | list",
    "selectattr('age', 'gt', 25) | list", "sum(attribute='age')", "max(attribute='age')", "urlencode",
]  # fmt: skip
STEPS = st.sampled_from(["[0]", "[1:]", ".n", "['k']"])
TESTED = ["defined", "none", "string", "mapping", "sequence", "odd", "eq 1", "in [1, 'a b']", "divisibleby 2"]
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, BINARY, inner).map(lambda parts: "({} {} {})".format(*parts)),
        st.tuples(inner, st.sampled_from(FILTERED)).map(lambda parts: "(({}) | {})".format(*parts)),
        st.tuples(inner, st.sampled_from(TESTED)).map(lambda parts: "(({}) is {})".format(*parts)),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
        st.tuples(inner, inner).map(lambda parts: "[{}, {}]".format(*parts)),
        st.tuples(inner, STEPS).map(lambda parts: "({}){}".format(*parts)),
        inner.map("(not {})".format),
    ),
    max_leaves=6,
)


def plain(value: Any) -> Any:
    """Tuples are lists, here."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of the Python that Jinja generates
@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS)
def test_where_both_give_a_value_jinja_gives_the_same(expression: str) -> None:
    try:
        ours = compile_template("{{ " + expression + " }}").render(DATA)
    except (RenderError, TemplateError):
        return
    theirs = JINJA.compile_expression(expression, undefined_to_none=False)(**DATA)
    assert ours == plain(theirs)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of the Python that Jinja generates
@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_what_jinja_finds_undefined_is_never_a_value_here(expression: str) -> None:
    try:
        theirs = JINJA.compile_expression(expression, undefined_to_none=False)(**DATA)
    except jinja2.UndefinedError:
        theirs = JINJA.undefined()
    except Exception:  # noqa: BLE001  Jinja lets Python's own errors out; there is nothing to compare
        return
    if isinstance(theirs, jinja2.Undefined):
        with pytest.raises(RenderError):
            compile_template("{{ " + expression + " }}").render(DATA)

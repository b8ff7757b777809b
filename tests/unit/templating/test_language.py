"""The bounded language: what it does as Jinja does, and what it refuses."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.errors import RenderError, TemplateError
from automations.templating import compile_template

CONTEXT: dict[str, Any] = {
    "event": {
        "name": "order.failed",
        "resource": {"id": "order.1", "x.y": "dotted"},
        "payload": {
            "cpu": 4,
            "sha": "12345e7",
            "hex": "0x10",
            "listy": "[1]",
            "no": "no",
            "on": True,
            "nothing": None,
            "items": [3, 1, 2],
            "people": [{"n": "ann", "age": 30}, {"n": "bob", "age": 20}],
            "text": "Hello big  World",
        },
    },
    "labels": {"customer": "acme"},
    "count": 3,
}


def render(source: str, **more: Any) -> Any:
    return compile_template(source).render({**CONTEXT, **more})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ event.payload.cpu }}", 4),
        ("  {{- event.payload.cpu -}}  ", 4),
        ("{{ event.payload.sha }}", "12345e7"),
        ("{{ event.payload.hex }}", "0x10"),
        ("{{ event.payload.listy }}", "[1]"),
        ("{{ event.payload.no }}", "no"),
        ("{{ event.payload.on }}", True),
        ("{{ event.payload.nothing }}", None),
        ("{{ event.payload['items'] }}", [3, 1, 2]),
        ("{{ event.payload.people[0] }}", {"n": "ann", "age": 30}),
        ("{{ event.payload.people[-1].n }}", "bob"),
        ("{{ [1, 'a', {'b': none}] }}", [1, "a", {"b": None}]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ event.payload.cpu * 60 }}", 240),
        ("{{ event.payload.cpu / 2 }}", 2.0),
        ("{{ 7 // 2 + 7 % 2 - -1 }}", 5),
        ("{{ 'a' if count > 2 else 'b' }}", "a"),
        ("{{ 1 < count <= 3 }}", True),
        ("{{ 'big' in event.payload.text and not false }}", True),
    ],
)
def test_a_lone_expression_yields_its_own_json_value(source: str, value: Any) -> None:
    result = render(source)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("cpu={{ event.payload.cpu }}", "cpu=4"),
        ("{{ event.payload.on }} {{ event.payload.nothing }} {{ event.payload['items'] }}", "true null [3,1,2]"),
        ("{{ 'a' ~ 1 ~ true }}!", "a1true!"),
        (
            "{% for p in event.payload.people %}{{ loop.index }}{{ p.n }}"
            "{% if not loop.last %},{% endif %}{% endfor %}",
            "1ann,2bob",
        ),
        ("{% for k, v in labels | items %}{{ k }}={{ v }}{% else %}none{% endfor %}", "customer=acme"),
        ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% if count == 1 %}a{% elif count == 3 %}b{% else %}c{% endif %}", "b"),
        ("line\n", "line\n"),
        ("{# note #}a{% raw %}{{ b }}{% endraw %}", "a{{ b }}"),
        ("<{{ '<b>' }}>", "<<b>>"),
    ],
)  # fmt: skip
def test_any_other_template_yields_text(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ event.payload.missing | default('x') }}", "x"),
        ("{{ '' | default('x', true) }}", "x"),
        ("{{ event.payload.missing is defined }}", False),
        ("{{ event.payload.text | lower | replace(' ', '-') }}", "hello-big--world"),
        ("{{ event.payload.text | upper }}", "HELLO BIG  WORLD"),
        ("{{ 'ab cd' | title }}", "Ab Cd"),
        ("{{ 'ab' | capitalize }}", "Ab"),
        ("{{ ' a ' | trim }}", "a"),
        ("{{ event.payload.text | truncate(8, true) }}", "Hello..."),
        ("{{ event.payload['items'] | sort | first }}", 1),
        ("{{ event.payload['items'] | last }}", 2),
        ("{{ event.payload['items'] | join('-') }}", "3-1-2"),
        ("{{ event.payload['items'] | min + event.payload['items'] | max }}", 4),
        ("{{ event.payload['items'] | sum }}", 6),
        ("{{ event.payload.people | sum(attribute='age') }}", 50),
        ("{{ event.payload.people | map(attribute='n') | list }}", ["ann", "bob"]),
        ("{{ ['a', 'b'] | map('upper') | list }}", ["A", "B"]),
        ("{{ event.payload.people | selectattr('age', 'gt', 25) | map(attribute='n') | first }}", "ann"),
        ("{{ [1, 2, 3] | reject('odd') | list }}", [2]),
        ("{{ [1, 1, 2] | unique | list }}", [1, 2]),
        ("{{ '12' | int + 1 }}", 13),
        ("{{ 'x' | int(7) }}", 7),
        ("{{ '1.5' | float }}", 1.5),
        ("{{ 4 | string }}", "4"),
        ("{{ -3 | abs }}", 3),
        ("{{ 2.567 | round(1) }}", 2.6),
        ("{{ 2.1 | round(0, 'ceil') }}", 3.0),
        ("{{ labels | tojson }}", '{"customer":"acme"}'),
        ("{{ 'a b/c' | urlencode }}", "a%20b/c"),
        ("{{ event.payload.text | length }}", 16),
        ("{{ 'release-1.2' | regex_match('release-[0-9.]+$') }}", True),
        ("{{ 'refs/heads/main' | regex_replace('^refs/heads/', '') }}", "main"),
        ("{{ 'a-b' | regex_replace('(a)-(b)', '\\\\2\\\\1') }}", "ba"),
        ("{{ 'Über Größe 7!' | slug }}", "ber-gr-e-7"),
        ("{{ '' | sha256 }}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("{{ '2026-03-01T00:30:00+01:00' | datetime('%Y-%m-%d') }}", "2026-02-28"),
        ("{{ '2026-03-01T00:00:00Z' | datetime(shift='-1d') }}", "2026-02-28T00:00:00Z"),
        ("{{ 22 | ordinal }}{{ 13 | ordinal }}", "22nd13th"),
        ("{{ event.resource['x.y'] }}", "dotted"),
        ("{{ event.payload.text[0:5] }}", "Hello"),
    ],
)
def test_filters_and_tests(source: str, value: Any) -> None:
    assert render(source) == value


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}" * 100 + "{{ x() }}",
        "{{ event.items() }}",
        "{{ 2 ** 9 }}",
        "{{ 10 ** (10 ** 8) if false else 1 }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for x in y recursive %}{% endfor %}",
        "{{ lipsum() }}",
        "{{ cycler }}{{ range(9) }}",
        "{{ x | center(3000000000) }}",
        "{{ x | attr('y') }}",
        "{{ x | random }}",
        "{{ x | lowr }}",
        "{{ x is nothing }}",
        "{{ x | default(1, 2, 3, 4) }}",
        "{{ f(*x) }}",
        "{{ 99999999999999999999 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 1500 + "1 }}",
        "{{ " + "-" * 3000 + "1 }}",
        "{{ x" + ".a" * 2000 + " }}",
        "x" * 9000,
        "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in x %}{% endfor %}" * 4,
        "{{ a }}" * 401,
        "{{ unclosed",
        "{% if x %}",
    ],
)
def test_what_is_outside_of_the_language_is_refused_when_it_is_compiled(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(source)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ missing }}", "undefined"),
        ("{{ event.payload.missing }}", "undefined"),
        ("{{ event.payload.missing.deeper | default('x') }}", "undefined"),
        ("{{ event.payload.text.__class__ }}", "undefined"),
        ("{{ event.__class__.__mro__ }}", "undefined"),
        ("{{ event.resource.labels }}-x", "undefined"),
        ("{{ [] | first }}", "undefined"),
        ("{{ 'a' * 3 }}", "type"),
        ("{{ '%3000000000d' % 3 }}", "type"),
        ("{{ 'x' * 3e9 }}", "type"),
        ("{{ 1 / 0 }}", "type"),
        ("{{ 1 + 'a' }}", "type"),
        ("{{ 1 < 'a' }}", "type"),
        ("{{ 1e308 * 10 }}", "type"),
        ("{{ 9223372036854775807 + 1 }}", "limit"),
        ("{{ 1.5 | round(100000000, 'floor') }}", "type"),
        ("{{ labels | tojson(indent=1000000000) }}", "type"),
        ("{{ '2026-01-01T00:00:00Z' | datetime('%999999999d') }}", "type"),
        ("{{ 'x' | regex_match('(') }}", "type"),
        ("{{ big | string }}", "limit"),
        ("{{ big }}", "limit"),
        ("{{ many }}", "limit"),
        ("{% for x in many %}x{% endfor %}", "limit"),
        ("{{ long | replace('x', long) }}", "limit"),
        ("{{ long | regex_replace('x', long) }}", "limit"),
        ("{{ many | join(long) }}", "limit"),
        ("{% for x in hundred %}{% for y in hundred %}{{ x }}{{ y }}{% endfor %}{% endfor %}", "limit"),
        ("{{ nul }}", "type"),
        ("{{ lone }}", "type"),
        ("{{ deep }}", "limit"),
        ("{{ {1: 2} }}", "type"),
    ],
)
def test_what_goes_wrong_with_this_event_has_a_code(source: str, code: str) -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    extra = {
        "big": "x" * 70_000,
        "long": "x" * 5_000,
        "many": list(range(50_000)),
        "hundred": list(range(100)),
        "nul": "a\0b",
        "lone": "\ud800",
        "deep": deep,
    }
    with pytest.raises(RenderError) as caught:
        compile_template(source).render({**CONTEXT, **extra})
    assert caught.value.code == code


def test_a_text_field_turns_a_lone_value_into_text() -> None:
    assert compile_template(" {{ count }} ", text=True).render(CONTEXT) == "3"
    assert compile_template("{{ labels }}", text=True).render(CONTEXT) == '{"customer":"acme"}'


def test_a_rendered_value_is_never_rendered_again() -> None:
    assert render("{{ x }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"
    assert render("a{{ x }}", x="{{ 7 * 7 }}") == "a{{ 7 * 7 }}"


def test_a_template_tells_which_names_it_reads() -> None:
    source = "{% for p in event.payload.people %}{{ p.n }}{{ loop.index }}{{ labels.customer }}{% endfor %}"
    assert compile_template(source).names == {"event", "labels"}
    assert compile_template("plain").constant


EXPRESSIONS = st.recursive(
    st.sampled_from(["1", "2.5", "'a b'", "true", "none", "count", "labels.customer", "event.payload.missing",
                     "event.payload['items']", "event.payload.text"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "<", "==", "and", "or", "in"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(inner, st.sampled_from(["length", "first", "default('d')", "int", "list", "sort"])).map(
            lambda parts: f"({parts[0]}) | {parts[1]}"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_where_both_give_a_value_jinja_gives_the_same(expression: str) -> None:
    try:
        ours = compile_template("{{ " + expression + " }}").render(CONTEXT)
    except (RenderError, TemplateError):
        return
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701
    theirs = environment.compile_expression(expression, undefined_to_none=False)(**CONTEXT)
    assert ours == theirs


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%# '\"|.()[]+-*/~<>=!abcdefeventipoaylod0129\n", max_size=60))
def test_any_text_either_compiles_and_renders_or_says_why_not(source: str) -> None:
    try:
        compile_template(source).render(CONTEXT)
    except (TemplateError, RenderError):
        return

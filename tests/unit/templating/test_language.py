"""What a template yields, and what the language leaves out of Jinja."""

from __future__ import annotations

from typing import Any

import pytest

from automations.errors import RenderError, TemplateError
from automations.templating import NAMES, compile_expression, compile_template


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ event.payload.cpu }}", 4),
        ("  {{- event.payload.cpu -}}  \n", 4),
        ("{# why #}{{ event.payload.cpu }}", 4),
        ("{{ event.payload.sha }}", "12345e7"),
        ("{{ event.payload.hex }}", "0x10"),
        ("{{ event.payload.listy }}", "[1]"),
        ("{{ event.payload.no }}", "no"),
        ("{{ event.payload.on }}", True),
        ("{{ event.payload.nothing }}", None),
        ("{{ event.payload.items }}", [3, 1, 2]),
        ("{{ event.payload.items[-1] }}", 2),
        ("{{ event.payload.items.0 }}", 3),
        ("{{ event.payload.people[0] }}", {"n": "ann", "age": 30}),
        ("{{ event.payload.people[count - 2].n }}", "Bob"),
        ("{{ event.resource['x.y'] }}", "dotted"),
        ("{{ event['pay' ~ 'load'].cpu }}", 4),
        ("{{ event.payload.text[0:5] }}", "Hello"),
        ("{{ event.payload.items[::-1] }}", [2, 1, 3]),
        ("{{ [1, 'a', {'b': none}] }}", [1, "a", {"b": None}]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ event.payload.cpu * 60 }}", 240),
        ("{{ event.payload.cpu / 2 }}", 2.0),
        ("{{ 7 // 2 + 7 % 2 - -1 }}", 5),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ 'a' if count > 2 else 'b' }}", "a"),
        ("{{ 1 < count <= 3 }}", True),
        ("{{ 'big' in event.payload.text and not false }}", True),
        ("{{ 'customer' in labels }}", True),
        ("{{ 'a\\d' }}", "a\\d"),
        ("{{ 'a\\n\\u00e9\\\\d' }}", "a\né\\d"),
    ],
)
def test_a_lone_expression_yields_its_own_json_value(render: Any, source: str, value: Any) -> None:
    result = render(source)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("cpu={{ event.payload.cpu }}", "cpu=4"),
        ("{{ event.payload.cpu }}{{ count }}", "43"),
        ("{{ event.payload.on }} {{ event.payload.nothing }} {{ event.payload.items }}", "true null [3,1,2]"),
        ("{{ 'a' ~ 1 ~ true ~ 1.0 }}!", "a1true1.0!"),
        (
            "{% for p in event.payload.people %}{{ loop.index }}{{ p.n }}"
            "{% if not loop.last %},{% endif %}{% endfor %}",
            "1ann,2Bob",
        ),
        (
            "{% for i in [1, 2] %}{{ loop.index0 }}{{ loop.first }}{{ loop.length }} {% endfor %}",
            "0true2 1false2 ",
        ),
        ("{% for k, v in labels | items %}{{ k }}={{ v }}{% else %}none{% endfor %}", "customer=acme"),
        ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for x in [1, 2, 3] if x is odd %}{{ x }}{{ loop.length }} {% endfor %}", "12 32 "),
        (
            "{% for x in [1, 2] %}{% for y in [3] %}{{ x }}{{ y }}{{ loop.index }} {% endfor %}{% endfor %}",
            "131 231 ",
        ),
        ("{% if count == 1 %}a{% elif count == 3 %}b{% else %}c{% endif %}", "b"),
        ("{% if false %}a{% endif %}", ""),
        ("line {{- 1 -}} \n", "line1"),
        ("a: {{ 1 }}\n", "a: 1\n"),
        ("{# note #}a{% raw %}{{ b }}{% endraw %}", "a{{ b }}"),
        ("<{{ '<b>' }}>", "<<b>>"),
        ("", ""),
        ("plain\r\n", "plain\r\n"),
    ],
)
def test_any_other_template_yields_text(render: Any, source: str, text: str) -> None:
    assert render(source) == text


CALLS = [
    ("{{ event.payload.items() }}", "value | items"),
    ("{{ event.payload.get('x', 1) }}", "value['key'] | default('...')"),
    ("{{ now() }}", "event.occurred | datetime"),
    ("{% for i in range(3) %}{% endfor %}", "a loop over a list"),
    ("{% for i in [1] %}{{ loop.cycle('a', 'b') }}{% endfor %}", "loop.index is odd"),
    ("{{ f(*x) }}", "use a filter"),
    ("{{ [1][0](2) }}", "use a filter"),
]


@pytest.mark.parametrize(("source", "hint"), CALLS)
def test_a_call_is_refused_with_the_way_to_write_it(source: str, hint: str) -> None:
    with pytest.raises(TemplateError, match="calls are not part of the language") as caught:
        compile_template(source)
    assert caught.value.code == "bad-template"
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 2 ** 9 }}",
        "{{ 10 ** (10 ** 8) if false else 1 }}",
        "{% set x = 1 %}",
        "{% set x %}1{% endset %}",
        "{% macro m() %}{% endmacro %}",
        "{% call m() %}{% endcall %}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for x in y recursive %}{% endfor %}",
    ],
)
def test_a_statement_that_is_left_out_is_refused_with_a_hint(source: str) -> None:
    with pytest.raises(TemplateError, match="not part of the language") as caught:
        compile_template(source)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% do x %}", "unknown tag"),
        ("{% trans %}x{% endtrans %}", "unknown tag"),
        ("{% for (a, b), c in x %}{% endfor %}", "a loop assigns to a name"),
        ("{% for loop in x %}{% endfor %}", "cannot assign to 'loop'"),
        ("{{ x | center(3000000000) }}", "there is no filter 'center'"),
        ("{{ x | attr('y') }}", "there is no filter 'attr'"),
        ("{{ x | random }}", "there is no filter 'random'"),
        ("{{ x | map('center', 9) }}", "there is no filter 'center'"),
        ("{{ x is sameas y }}", "there is no test 'sameas'"),
        ("{{ x | select('callable') }}", "there is no test 'callable'"),
        ("{{ x | default(1, 2, 3, 4) }}", "too many positional arguments"),
        ("{{ x | lower(fuel=1) }}", "multiple values"),
        ("{{ x | replace('a') }}", "missing a required argument"),
        ("{{ x | map('replace', 'a') }}", "missing a required argument"),
        ("{{ x | select('divisibleby') }}", "missing a required argument"),
        ("{{ x | map }}", "map takes"),
        ("{{ x | map(y) }}", "takes a name in quotes"),
        ("{{ x | selectattr }}", "takes an attribute first"),
        ("{{ x | join(*y) }}", "arguments are not part"),
        ("{{ x | regex_match('(') }}", "no RE2 pattern"),
        ("{{ x | map('regex_replace', '(') }}", "no RE2 pattern"),
        ("{{ event | ui_url }}", "ui_url takes one of"),
        ("{{ unclosed", "unexpected end"),
        ("{% if x %}", "Unexpected end"),
    ],
)
def test_a_mistake_is_found_when_the_template_is_compiled(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        compile_template(source)


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template("{{ x | lowr }}")
    assert caught.value.hint == "did you mean 'lower'?"
    with pytest.raises(TemplateError) as caught:
        compile_template("{{ x | selectatr('a') }}")
    assert caught.value.hint == "did you mean 'selectattr'?"


@pytest.mark.parametrize("source", ["a\n{{ x( }}", "a\n{{ x() }}", "a\n{{ x | nope }}", "a\n{{ 2 ** 2 }}"])
def test_an_error_beyond_the_first_line_says_its_line(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source)
    assert caught.value.message.startswith("line 2: ")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("plain", set()),
        ("{{ event.payload[labels.customer] }}", {"event", "labels"}),
        (
            "{% for p in event.payload.people %}{{ p.n }}{{ loop.index }}{{ count }}{% endfor %}",
            {"event", "count"},
        ),
        ("{% for event in events %}{{ event.id }}{% endfor %}{{ event.id }}", {"event", "events"}),
        ("{% for event in events %}{{ event.id }}{% else %}{{ labels }}{% endfor %}", {"events", "labels"}),
        ("{% for k, event in events if event %}{{ k }}{% endfor %}", {"events"}),
        ("{% for event in event.payload.items %}{{ event }}{% endfor %}", {"event"}),
        ("{{ loop }}", {"loop"}),
    ],
)
def test_a_template_tells_which_names_it_reads(source: str, names: set[str]) -> None:
    assert compile_template(source).names == names


def test_a_template_tells_what_it_is() -> None:
    constant, lone, text = (compile_template(s) for s in ("plain", " {{ count }}\n", "{{ count }}!"))
    assert (constant.constant, constant.lone) == (True, False)
    assert (lone.constant, lone.lone, lone.source) == (False, True, " {{ count }}\n")
    assert (text.constant, text.lone) == (False, False)


def test_every_name_of_the_context_is_known() -> None:
    assert len(NAMES) == 12
    assert {"event", "events", "count", "labels", "firings", "firing", "automation", "flow_run"} < NAMES


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (" {{ count }} ", "3"),
        ("{{ labels }}", '{"customer":"acme"}'),
        ("{{ event.name }}", "order.failed"),
        ("{{ event.payload.nothing }}", "null"),
    ],
)
def test_a_text_field_turns_a_lone_value_into_text(context: dict[str, Any], source: str, text: str) -> None:
    assert compile_template(source, text=True).render(context) == text


def test_a_rendered_value_is_never_rendered_again(render: Any) -> None:
    assert render("{{ x }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"
    assert render("a{{ x }}", x="{{ 7 * 7 }}") == "a{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "source", ["event.payload.cpu > 3", "{{ event.payload.cpu > 3 }}", " {{- count == 3 -}} "]
)
def test_an_expression_is_written_with_or_without_braces(context: dict[str, Any], source: str) -> None:
    assert compile_expression(source).render(context) is True


@pytest.mark.parametrize(
    "source", ["", "a }} {{ b", "{{ a }} {{ b }}", "{{ a }} and b", "{% if a %}{% endif %}", "a b"]
)
def test_what_is_not_one_expression_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_expression(source)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{{ missing }}", "'missing'"),
        ("a{{ event.payload.missing }}", "'event.payload.missing'"),
        ("{{ event.payload.missing.deeper | default('x') }}", "'event.payload.missing'"),
        ("{{ event.payload.items[7] }}", "'event.payload.items[7]'"),
        ("{{ event.payload.items['a'] }}", "'event.payload.items.a'"),
        ("{{ labels[count] }}", "the item '3'"),
        ("{{ event.payload.text.__class__ }}", "'event.payload.text.__class__'"),
        ("{{ event.__class__.__mro__ }}", "'event.__class__'"),
        ("{{ event.payload.items.append }}", "'event.payload.items.append'"),
        ("{{ (labels).keys }}", "'labels.keys'"),
        ("{{ [missing] }}", "'missing'"),
        ("{{ missing == 1 }}", "'missing'"),
        ("{{ missing and true }}", "'missing'"),
        ("{{ false or missing }}", "'missing'"),
        ("{{ 'x' if false }}", "the 'else' of the condition"),
        ("{{ [] | first }}", "the first item of something empty"),
        ("{% if missing %}{% endif %}", "'missing'"),
        ("{% for x in missing %}{% endfor %}", "'missing'"),
        ("{% for x in [1] %}{% endfor %}{{ loop.index }}", "'loop'"),
    ],
)
def test_what_is_undefined_fails_the_render_and_is_named(render: Any, source: str, what: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(source)
    assert caught.value.code == "undefined"
    assert caught.value.message == f"{what} is undefined"
    assert "default" in str(caught.value.hint)


@pytest.mark.parametrize(
    "expression",
    [
        "1 + 'a'", "true + 1", "[1] + [2]", "'a' * 3", "'x' * 3e9", "'%9d' % 3", "-'a'", "1 / 0", "1 % 0",
        "1 < 'a'", "[1] in labels",
        "none < 1", "1 in 'a1'", "1 in 2", "{1: 2}", "{[1]: 2}", "{} is odd", "4 is divisibleby(0)", "'abc'[::0]",
        "'abc'['a':]", "labels[1:]",
    ],
)  # fmt: skip
def test_the_wrong_type_fails_the_render(render: Any, expression: str) -> None:
    with pytest.raises(RenderError) as caught:
        render("{{ " + expression + " }}")
    assert caught.value.code == "type"


@pytest.mark.parametrize(
    "source",
    ["{% for x in 3 %}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for a, b in 'ab' %}{% endfor %}"],
)
def test_a_loop_over_the_wrong_type_fails_the_render(render: Any, source: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(source)
    assert caught.value.code == "type"


def test_joining_text_and_a_number_by_plus_says_how_to_write_it(render: Any) -> None:
    with pytest.raises(RenderError) as caught:
        render("{{ 'n' + 1 }}")
    assert "'~'" in str(caught.value.hint)

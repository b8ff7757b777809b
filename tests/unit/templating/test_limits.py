"""Bounded by construction: no source and no event makes a template run long, large or out of the language."""

from __future__ import annotations

from typing import Any

import pytest

from automations.errors import RenderError, TemplateError
from automations.templating import compile_template
from automations.templating.limits import FUEL, MAX_ITERATIONS, MAX_RESULT, MAX_SOURCE

BIG = "ab é" * 60_000


@pytest.fixture(scope="module")
def hostile() -> dict[str, Any]:
    """What the largest of events may bring, and more."""
    numbered = [str(number) for number in range(9_000)]
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    rows = [{"k": [row] * 20, "n": str(row)} for row in range(1_500)]
    return {
        "big": BIG,
        "x60": "x" * 60_000,
        "e60": "é" * 60_000,
        "x5": "x" * 5_000,
        "many": numbered,
        "more": list(range(50_000)),
        "hundred": list(range(100)),
        "rows": rows,
        "other_rows": [{**row} for row in rows],
        "lists": [[0] * 1_000 + [last] for last in range(300)],
        "object": dict.fromkeys(numbered, 1),
        "huge": [1e308] * 20,
        "patterns": [f"(\\pN|\\pL){{{times}}}" for times in range(100)],
        "references": "\\0" * 4_000,
        "nul": "a\0b",
        "lone": "\ud800",
        "lone_key": {"\ud800": 1},
        "deep": deep,
        "least": -(2**63),
        "dotted": "zz." * 20_000,
    }


@pytest.mark.parametrize(
    "source",
    [
        "x" * (MAX_SOURCE + 1),
        "é" * (MAX_SOURCE // 2) + "{{ a }}",
        "{{ a }}" * 401,
        "{{ " + "1 + " * 60 + "1 }}",
        "{{ x" + ".a" * 2_000 + " }}",
        "{{ x" + "[0]" * 2_000 + " }}",
        "{{ x" + " | list" * 60 + " }}",
        "{{ " + "(" * 4_000 + "1" + ")" * 4_000 + " }}",
        "{{ " + "[" * 4_000 + "]" * 4_000 + " }}",
        "{{ " + "{1:" * 2_000 + "1" + "}" * 2_000 + " }}",
        "{{ " + "[" * 60 + "]" * 60 + " }}",
        "{{ " + "not " * 2_000 + "1 }}",
        "{{ " + "-" * 4_000 + "1 }}",
        "{{ " + "1 if " * 1_000 + " }}",
        "{{ " + "a," * 3_000 + " }}",
        "{{ 1" + " ~ 1" * 1_500 + " }}",
        "{{ 1" + " < 1" * 1_500 + " }}",
        "{% if a %}" * 400 + "{% endif %}" * 400,
        "{% if a %}" * 41 + "{% endif %}" * 41,
        "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in x %}{% endfor %}" * 4,
        "{{ 99999999999999999999 }}",
        "{{ x[99999999999999999999 + 0] }}",
        "{{ " + "9" * 5_000 + " }}",
        "{{ 1" + "_1" * 3_000 + " }}",
        "{{ 1e999 }}",
        "{{ '" + "\\" * 8_000,
        "{{ '\\N{" + "A" * 8_000 + "}' }}",
        "{#" * 4_000,
        "{{" * 4_000,
        "{% raw %}" * 900,
    ],
    ids=lambda source: source[:24],
)
def test_a_source_beyond_a_bound_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(source)


def test_a_source_within_the_bounds_is_taken() -> None:
    loops = "{% for a in x %}{% for b in x %}{{ b }}{% endfor %}{% endfor %}{% for a in x %}{% endfor %}"
    assert compile_template(loops).render({"x": [1]}) == "1"
    assert compile_template("{{ a }}" * 390).render({"a": 1}) == "1" * 390
    assert compile_template("{{ a" + ".a" * 30 + " | default(1) }}").names == {"a"}
    assert compile_template("é" * (MAX_SOURCE // 2 - 10) + "{{ a }}").render({"a": 1}).endswith("é1")


@pytest.mark.parametrize(
    "source",
    [
        # text that grows
        "{{ big }}",
        "{{ big | string }}",
        "{{ 'a' ~ big }}",
        "{{ x60 + x60 }}",
        "{{ x60 }}{{ x60 }}",
        "{{ " + "x60 ~ " * 180 + "'' }}",
        "{{ x60 | replace('x', x60) }}",
        "{{ x60 | replace('', 'xx') }}",
        "{{ many | join(x5) }}",
        "{{ 'a' | truncate(100000000, end=big) }}",
        "{{ e60 | urlencode }}",
        "{{ object | tojson(2) | replace('1', '11') }}",
        "{{ many | map('tojson') | map('tojson') | map('tojson') | join }}",
        "{{ '2026-01-01T00:00:00Z' | datetime('%A' ~ ('a' | replace('a', x5 | replace('x', '%A%A'))) ) }}",
        "{{ [" + "big[1:]," * 60 + "] | length }}",
        # values that repeat themselves
        "{{ [" + "rows," * 150 + "] }}",
        "x{{ [" + "rows," * 150 + "] }}",
        "{{ many | map(attribute='zz', default=rows) }}",
        "{{ many | map(attribute='zz', default=rows) | unique }}",
        "{{ many | map(attribute='zz', default=rows) | tojson }}",
        "{{ many | map(attribute='zz', default=big) | sort | length }}",
        "{{ many | map(attribute='zz', default=big) | min }}",
        "{{ many | map(attribute='zz', default=x60) | join | length }}",
        "{{ more }}",
        "{{ deep }}",
        "x{{ deep }}",
        # work that grows
        "{{ more | sort | length }}",
        "{{ lists | sort | length }}",
        "{% for x in more %}{% endfor %}",
        "{{ many | select('in', many) | list | length }}",
        "{{ many | map(attribute=dotted) }}",
        "{{ x60 | regex_replace('', '') | length }}",
        "{{ x60 | regex_replace('x+y|x', '') | length }}",
        "{{ x60 | regex_replace('(.*)', references) | length }}",
        "{{ patterns | map('regex_match', 'a') | length }}{{ hundred | map('regex_match', 'a' ~ '') | length }}",
        "{{ [" + "rows == other_rows," * 20 + "] }}",
        "{{ [" + "'zz' in big," * 40 + "] }}",
        "{% for i in hundred %}{{ rows == other_rows }}{% endfor %}",
        "{% for i in hundred %}" + "{{ x60 | lower | length }}" * 50 + "{% endfor %}",
        "{% for i in hundred %}{% for j in hundred %}{% endfor %}{% endfor %}",
        # numbers that grow
        "{{ 9223372036854775807 + 1 }}",
        "{{ 9223372036854775807 * 9223372036854775807 }}",
        "{{ least | abs }}",
        "{{ -least }}",
        "{{ least // -1 }}",
        "{{ [9223372036854775807, 1] | sum }}",
        "{{ [9223372036854775807 - 0, 1] | map('int') | sum }}",
    ],
    ids=lambda source: source[:60],
)
def test_a_render_beyond_a_bound_fails_as_limit(hostile: dict[str, Any], source: str) -> None:
    with pytest.raises(RenderError) as caught:
        compile_template(source).render(hostile)
    assert caught.value.code == "limit"


@pytest.mark.parametrize(
    "source",
    [
        "{{ nul }}", "a{{ nul }}", "{{ [nul] }}", "{{ '\\0' }}", "{{ lone }}", "a{{ lone }}", "{{ lone_key }}",
        "{{ '\\ud800' }}", "{{ lone | tojson }}", "{{ 1e308 * 10 }}", "a{{ 1e308 * 10 }}", "{{ [1e308 * 10] }}",
        "{{ 1e308 * 10 - 1e308 * 10 }}", "{{ huge | sum }}", "{{ 1e308 / 1e-10 }}",
    ],
)  # fmt: skip
def test_what_json_cannot_carry_is_no_result(hostile: dict[str, Any], source: str) -> None:
    with pytest.raises(RenderError) as caught:
        compile_template(source).render(hostile)
    assert caught.value.code == "type"


@pytest.mark.parametrize("value", [(1,), {1}, b"x", object(), {1: 2}, [{"a": 1j}], float("nan"), [float("inf")]])
def test_a_value_that_is_no_json_is_no_result(value: Any) -> None:
    for source in ("{{ x }}", "a{{ x }}"):
        with pytest.raises(RenderError, match=r"\[type\]"):
            compile_template(source).render({"x": value})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ 'é' in big }}", True),
        ("{{ big == 'x' }}", False),
        ("{{ big[:4] }}", "ab é"),
        ("{{ big | truncate(5, true, '') }}", "ab éa"),
        ("{{ big | length }}", 240_000),
        ("{{ big | first }}", "a"),
        ("{{ more | last }}", 49_999),
        ("{{ more[40000:40002] }}", [40_000, 40_001]),
        ("{{ object['7'] + object | length }}", 9_001),
        ("{{ 'x' ~ least }}", "x-9223372036854775808"),
        ("{{ x60 | regex_replace('x{600}', 'y') | length }}", 100),
        ("{{ hundred | sum }}", 4_950),
    ],
)
def test_reading_a_little_of_a_large_event_is_cheap(hostile: dict[str, Any], source: str, value: Any) -> None:
    assert compile_template(source).render(hostile) == value


def test_the_result_may_be_as_large_as_its_bound_and_no_larger() -> None:
    lone = compile_template("{{ x }}")
    fits, over = "x" * (MAX_RESULT - 2), "x" * (MAX_RESULT - 1)  # the quotes count
    assert lone.render({"x": fits}) == fits
    with pytest.raises(RenderError):
        lone.render({"x": over})
    assert lone.render({"x": ["é" * 32_765]}) == ["é" * 32_765]
    with pytest.raises(RenderError):
        lone.render({"x": ["é" * 32_767]})
    numbers = [1] * (MAX_RESULT // 2 - 1)
    assert lone.render({"x": numbers}) == numbers
    with pytest.raises(RenderError):
        lone.render({"x": [*numbers, 1, 1]})


def test_loops_on_one_level_share_their_iterations() -> None:
    one = compile_template("{% for a in x %}{% endfor %}{% for a in y %}{% endfor %}")
    assert one.render({"x": [1] * 60, "y": [1] * 40}) == ""
    with pytest.raises(RenderError):
        one.render({"x": [1] * 60, "y": [1] * 41})
    nested = compile_template("{% for a in x %}{% for b in y %}.{% endfor %}{% endfor %}")
    assert nested.render({"x": [1] * MAX_ITERATIONS, "y": [1]}) == "." * MAX_ITERATIONS
    with pytest.raises(RenderError):
        nested.render({"x": [1] * 51, "y": [1, 1]})


def test_a_render_leaves_nothing_for_the_next_to_pay() -> None:
    template = compile_template("{{ x | sort | length }}")
    many = list(range(FUEL - 100))
    assert template.render({"x": many}) == template.render({"x": many}) == FUEL - 100


def test_an_event_is_never_changed(hostile: dict[str, Any]) -> None:
    context = {"x": [3, 1, 2]}
    assert compile_template("{{ x | sort }}").render(context) == [1, 2, 3]
    assert compile_template("{{ x | list }}").render(context) == [3, 1, 2]
    assert compile_template("{% for x in x %}{{ x }}{% endfor %}{{ x }}").render(context) == "312[3,1,2]"
    assert context == {"x": [3, 1, 2]}

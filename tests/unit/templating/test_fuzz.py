"""Whatever the source and whatever the event: a JSON value, a TemplateError or a RenderError."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.errors import RenderError, TemplateError
from automations.templating import compile_template
from automations.templating.conditions import TESTS
from automations.templating.filter_expressions import FAMILY_NAMES
from automations.templating.filters import FILTERS
from automations.templating.limits import MAX_RESULT

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "k", "n"]), inner, max_size=3)
    ),
    max_leaves=12,
)
ATOMS = st.sampled_from(
    ["x", "y", "x.a", "x[0]", "y.k.n", "missing", "many", "long", "item", "loop.index", "1", "-1", "2.5", "1e300",
     "9223372036854775807", "'a'", "''", "'%Y-%m-%d'", "'%9d'", "'(a|b)*c'", "'('", "'\\\\1\\\\9'", "'-1d'",
     "'2026-01-01T00:00:00Z'", "true", "none", "[1, 2]", "{'a': 1}"]
)  # fmt: skip
NAMED = [repr(name) for name in (*FILTERS, *TESTS)]
KEYWORDS = ["attribute", "default", "boolean", "reverse", "start", "precision", "base", "count", "shift", "indent"]


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    argument = inner | st.sampled_from(NAMED) | st.tuples(st.sampled_from(KEYWORDS), inner).map("=".join)
    filters = st.tuples(inner, st.sampled_from([*FILTERS, *FAMILY_NAMES]), st.lists(argument, max_size=3))
    operators = [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "~",
        "<",
        ">=",
        "==",
        "in",
        "not in",
        "and",
        "or",
        "is lt",
        "is in",
    ]
    return st.one_of(
        filters.map(lambda parts: f"({parts[0]} | {parts[1]}({', '.join(parts[2])}))"),
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda parts: "({} {} {})".format(*parts)),
        st.tuples(inner, st.sampled_from(list(TESTS))).map(lambda parts: "({} is {})".format(*parts)),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
        st.tuples(inner, inner, inner).map(lambda parts: "({})[{}:{}]".format(*parts)),
        st.tuples(inner, inner).map(lambda parts: "({})[{}]".format(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(inner, inner).map(lambda parts: "{{{}: {}}}".format(*parts)),
        inner.map("-({})".format),
    )


EXPRESSIONS = st.recursive(ATOMS, _extend, max_leaves=8)
TEMPLATES = st.one_of(
    EXPRESSIONS.map("{{{{ {} }}}}".format),
    EXPRESSIONS.map("a{{{{ {} }}}}".format),
    st.tuples(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS).map(
        lambda parts: "{{% for item in {} if {} %}}{{{{ {} }}}}{{% else %}}-{{% endfor %}}".format(*parts)
    ),
)
LARGE = {"many": [{"k": ["v"] * 20, "n": str(number)} for number in range(1_000)], "long": "long é " * 9_000}


CODES = {"bad-template", "undefined", "type", "limit"}


def outcome(source: str, context: dict[str, Any]) -> Any:
    try:
        return compile_template(source).render(context)
    except (TemplateError, RenderError) as error:
        return error


def assert_plain(result: Any) -> None:
    if isinstance(result, TemplateError | RenderError):
        assert result.code in CODES
    else:
        written = orjson.dumps(result)
        assert len(written) <= MAX_RESULT
        assert orjson.loads(written) == result


@settings(max_examples=350, deadline=None)
@given(TEMPLATES, JSON, JSON)
def test_a_template_either_renders_json_or_says_why_not_and_twice_the_same(source: str, x: Any, y: Any) -> None:
    context = {**LARGE, "x": x, "y": y}
    first, second = outcome(source, context), outcome(source, context)
    assert_plain(first)
    assert first == second or str(first) == str(second)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="{}%# '\"|.,:()[]+-*/~<>=!\\abcdefiorxny0129_\n", max_size=60) | st.text(max_size=40))
def test_any_text_either_compiles_and_renders_or_says_why_not(source: str) -> None:
    for written in (source, "{{" + source + "}}"):
        assert_plain(outcome(written, {"x": 1, "a": {"b": [1]}}))

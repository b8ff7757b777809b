"""A compiled template: source text in, JSON values out (rules.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from jinja2 import nodes

from automations.errors import TemplateError
from automations.templating.expressions import compile_node
from automations.templating.limits import MAX_RESULT, Fuel
from automations.templating.names import free_names
from automations.templating.parse import parse
from automations.templating.paths import bare_path, compile_path
from automations.templating.statements import compile_body
from automations.templating.values import checked, defined, to_text

NAMES: Final = frozenset(
    {
        "automation", "count", "deployment", "event", "events", "firing", "firings", "flow", "flow_run", "labels",
        "work_pool", "work_queue",
    }
)  # fmt: skip
"""Every name that a template may read."""

Render = Callable[[dict[str, Any]], Any]
_MARKS: Final = ("{{", "{%", "{#")


def has_markup(source: str) -> bool:
    """True for what may be a template; anything else is a constant."""
    return any(mark in source for mark in _MARKS)


class Template:
    """Built by `compile_template`. `names` are the root names it reads; `constant`: it reads and does nothing;
    `lone`: it is one expression and yields that expression's own JSON value.
    """

    __slots__ = ("_render", "constant", "lone", "names", "source")

    def __init__(self, source: str, *, text: bool = False) -> None:
        self.source = source
        self.constant = not has_markup(source)
        body = parse(source)
        lone = None if self.constant else _lone_expression(body)
        self.lone = lone is not None
        self.names = frozenset(name for node in body for name in free_names(node))
        if self.constant:
            self._render: Render = lambda _context: checked(source)
        elif lone is None or text:
            self._render = _text(body if lone is None else [nodes.Output([lone])])
        else:
            self._render = _value(lone)

    def render(self, context: dict[str, Any]) -> Any:
        """Return the value for these names; RenderError `undefined`, `type` or `limit`."""
        return self._render(context)


def _lone_expression(body: list[nodes.Node]) -> nodes.Expr | None:
    """Return the one expression with nothing but white space around it."""
    if not all(isinstance(node, nodes.Output) for node in body):
        return None
    parts = [part for node in body if isinstance(node, nodes.Output) for part in node.nodes]
    expressions = [part for part in parts if not isinstance(part, nodes.TemplateData)]
    blank = all(part.data.isspace() for part in parts if isinstance(part, nodes.TemplateData))
    return expressions[0] if len(expressions) == 1 and blank else None


def _value(lone: nodes.Expr) -> Render:
    path = bare_path(lone)
    if path is not None:  # direct access: it burns no fuel, so that none is made
        look_up, unused = compile_path(path), Fuel()
        return lambda context: checked(defined(look_up(context, unused)))
    evaluate = compile_node(lone)

    def render(context: dict[str, Any]) -> Any:
        fuel = Fuel()
        try:
            return checked(defined(evaluate(context, fuel)))
        except RecursionError:  # values nested deeper than Python compares; the door's depth limit keeps this away
            raise fuel.exhausted() from None

    return render


def _text(body: list[nodes.Node]) -> Render:
    emit = compile_body(body)

    def render(context: dict[str, Any]) -> str:
        fuel, parts = Fuel(), list[str]()
        try:
            emit(context, fuel, parts)
        except RecursionError:  # as above
            raise fuel.exhausted() from None
        fuel.text(min(sum(map(len, parts)), MAX_RESULT + 1))
        return str(checked(to_text("".join(parts), fuel)))

    return render


@lru_cache(maxsize=4096)  # rules are checked first and used later, and many share a text
def compile_template(source: str, *, text: bool = False) -> Template:
    """Compile; TemplateError for what is outside of the language. With `text` the result is always text."""
    return Template(source, text=text)


def compile_expression(source: str) -> Template:
    """Compile one expression, written with or without `{{ }}`; TemplateError for anything else."""
    template = Template(source if has_markup(source) else f"{{{{ {source} }}}}")
    if not template.lone:
        raise TemplateError("this is not one expression", hint="write one, such as event.payload.cpu > 4")
    return template

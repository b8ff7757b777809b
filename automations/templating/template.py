"""A compiled template: source text in, JSON values out (rules.md section 6)."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import nodes

from automations.templating.expressions import Evaluate, compile_expression
from automations.templating.limits import MAX_RESULT, Fuel
from automations.templating.parse import parse
from automations.templating.statements import Emit, compile_body
from automations.templating.values import checked, defined, to_text

NAMES: Final = frozenset(
    {
        "automation", "count", "deployment", "event", "events", "firing", "firings", "flow", "flow_run", "labels",
        "work_pool", "work_queue",
    }
)  # fmt: skip
"""Every name that a template may read."""


class Template:
    """Built by `compile_template`. `names` are the root names it reads; `constant`: it reads and does nothing;
    `lone`: it is one expression and yields that expression's own JSON value.
    """

    __slots__ = ("_emit", "_evaluate", "constant", "lone", "names", "source")

    def __init__(self, source: str, *, text: bool = False) -> None:
        self.source = source
        body = parse(source)
        self.constant = not any(mark in source for mark in ("{{", "{%", "{#"))
        self.names = frozenset(name for node in body for name in _names(node))
        lone = None if self.constant else _lone_expression(body)
        self.lone = lone is not None
        self._evaluate: Evaluate | None = None if lone is None or text else compile_expression(lone)
        self._emit: Emit | None = None if self._evaluate else compile_body(_stripped(body, lone))

    def render(self, context: dict[str, Any]) -> Any:
        """Return the value for these names; RenderError `undefined`, `type` or `limit`."""
        fuel = Fuel()
        try:
            if self._evaluate is not None:
                return checked(defined(self._evaluate(context, fuel)))
            return self._text(context, fuel)
        except RecursionError:  # values nested deeper than Python compares; the door's depth limit keeps this away
            raise fuel.exhausted() from None

    def _text(self, context: dict[str, Any], fuel: Fuel) -> str:
        parts: list[str] = []
        if self._emit is not None:
            self._emit(context, fuel, parts)
        fuel.text(min(sum(map(len, parts)), MAX_RESULT + 1))
        return str(checked(to_text("".join(parts), fuel)))


def _names(node: nodes.Node) -> set[str]:
    """The names that are read from the context: what a loop assigns is its own."""
    within = [*node.find_all(nodes.Name), *([node] if isinstance(node, nodes.Name) else [])]
    own = {name.name for name in within if name.ctx == "store"} | {"loop"}
    return {name.name for name in within if name.ctx == "load"} - own


def _lone_expression(body: list[nodes.Node]) -> nodes.Expr | None:
    """Return the one expression with nothing but white space around it."""
    if not all(isinstance(node, nodes.Output) for node in body):
        return None
    parts = [part for node in body if isinstance(node, nodes.Output) for part in node.nodes]
    expressions = [part for part in parts if not isinstance(part, nodes.TemplateData)]
    blank = all(part.data.isspace() for part in parts if isinstance(part, nodes.TemplateData))
    return expressions[0] if len(expressions) == 1 and blank else None


def _stripped(body: list[nodes.Node], lone: nodes.Expr | None) -> list[nodes.Node]:
    """A lone expression in a text field is its value as text: the white space around it is not part of it."""
    return body if lone is None else [nodes.Output([lone])]


def compile_template(source: str, *, text: bool = False) -> Template:
    """Compile; TemplateError for what is outside of the language. With `text` the result is always text."""
    return Template(source, text=text)

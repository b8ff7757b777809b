"""From source text to Jinja's syntax tree, within bounds. Only Jinja's parser is used; it never runs anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes

from automations.errors import TemplateError
from automations.templating.limits import MAX_DEPTH, MAX_LOOP_NESTING, MAX_LOOPS, MAX_NODES, MAX_SOURCE

_ENVIRONMENT: Final = Environment(  # noqa: S701  nothing is escaped: values are data, not HTML
    keep_trailing_newline=True, extensions=[], optimized=False
)

_INSTEAD: Final[dict[type[nodes.Node], tuple[str, str]]] = {
    nodes.Call: ("calls are not part of the language", "use a filter, such as | items, | upper, | length"),
    nodes.Pow: ("'**' is not part of the language", "multiply instead"),
    nodes.Assign: ("'set' is not part of the language", "write the expression where it is used"),
    nodes.AssignBlock: ("'set' is not part of the language", "write the expression where it is used"),
    nodes.Macro: ("macros are not part of the language", "write the text where it is used"),
    nodes.CallBlock: ("'call' is not part of the language", "write the text where it is used"),
    nodes.Include: ("'include' is not part of the language", "write the text where it is used"),
    nodes.Import: ("'import' is not part of the language", "write the text where it is used"),
    nodes.FromImport: ("'import' is not part of the language", "write the text where it is used"),
    nodes.Extends: ("'extends' is not part of the language", "write the text where it is used"),
    nodes.Block: ("blocks are not part of the language", "write the text where it is used"),
    nodes.With: ("'with' is not part of the language", "write the expression where it is used"),
    nodes.FilterBlock: ("filter blocks are not part of the language", "write {{ value | filter }}"),
    nodes.ScopedEvalContextModifier: ("'autoescape' is not part of the language", "values are data; leave it out"),
}


def parse(source: str) -> list[nodes.Node]:
    """Return the template's body; TemplateError for what is outside of the bounds or no Jinja at all."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"the template is longer than {MAX_SOURCE} characters", code="bad-template")
    try:
        tree = _ENVIRONMENT.parse(source)
        _check(tree)
    except TemplateSyntaxError as error:
        raise TemplateError(
            error.message or "the template has a syntax error", hint=_syntax_hint(source)
        ) from None
    except RecursionError:
        raise TemplateError(f"the template is nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError):  # Python's own limit on the digits of an integer
        raise TemplateError("a number in the template has too many digits") from None
    return tree.body


def _syntax_hint(source: str) -> str | None:
    if source.count("{{") > source.count("}}"):
        return "close the expression with '}}'"
    return None


def _check(tree: nodes.Template) -> None:
    loops = 0
    for count, (node, depth, nesting) in enumerate(_walk(tree), start=1):
        loops += isinstance(node, nodes.For)
        if depth > MAX_DEPTH:
            raise TemplateError(f"the template is nested deeper than {MAX_DEPTH} levels")
        if nesting > MAX_LOOP_NESTING:
            raise TemplateError(f"loops are nested deeper than {MAX_LOOP_NESTING} levels")
        if count > MAX_NODES or loops > MAX_LOOPS:
            raise TemplateError(f"the template has more than {MAX_NODES} parts, or more than {MAX_LOOPS} loops")
        if type(node) in _INSTEAD:
            message, hint = _INSTEAD[type(node)]
            raise TemplateError(message, hint=hint)


def _walk(root: nodes.Node) -> Iterator[tuple[nodes.Node, int, int]]:
    """Yield each node with its depth and the number of loops around it, without recursion."""
    waiting = [(root, 0, 0)]
    while waiting:
        node, depth, nesting = waiting.pop()
        nesting += isinstance(node, nodes.For)
        yield node, depth, nesting
        waiting.extend((child, depth + 1, nesting) for child in node.iter_child_nodes())

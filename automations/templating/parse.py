"""From source text to Jinja's syntax tree, within bounds. Only Jinja's parser is used; it never runs anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Lexer, Token

from automations.errors import TemplateError
from automations.templating.evaluation import at_line, refusal
from automations.templating.limits import MAX_DEPTH, MAX_LOOP_NESTING, MAX_LOOPS, MAX_NODES, MAX_SOURCE
from automations.templating.refusals import left_out

_TOO_DEEP: Final = f"the template is nested deeper than {MAX_DEPTH} levels"
_BACKSLASH: Final = re.compile(r"\\(?:[\n\\'\"abfnrtv0-7xNuU]|(?=(.)))", re.DOTALL)
"""A backslash with the letter that it escapes, or (then with a group) one that escapes nothing."""


class _BoundedLexer(Lexer):
    r"""Keeps a backslash that escapes nothing, as in '\d+', where Python warns and one day refuses."""

    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None, filename: str | None = None
    ) -> Iterator[Token]:
        """Turn raw tokens into Jinja's."""
        kept = ((line, kind, _kept(text) if kind == "string" else text) for line, kind, text in stream)
        return super().wrap(kept, name, filename)


def _kept(literal: str) -> str:
    return _BACKSLASH.sub(lambda found: "\\\\" if found.group(1) else found.group(), literal)


class _BoundedEnvironment(Environment):
    @cached_property
    def lexer(self) -> Lexer:
        return _BoundedLexer(self)


_ENVIRONMENT: Final = _BoundedEnvironment(keep_trailing_newline=True, optimized=False)


def parse(source: str) -> list[nodes.Node]:
    """Return the template's body; TemplateError for what is outside of the bounds or no Jinja at all."""
    if len(source.encode(errors="surrogatepass")) > MAX_SOURCE:
        raise TemplateError(f"the template is longer than {MAX_SOURCE} bytes")
    try:
        tree = _ENVIRONMENT.parse(source)
        _check(tree)
    except TemplateSyntaxError as error:
        message = at_line(error.lineno, (error.message or "the template has a syntax error").rstrip("."))
        raise TemplateError(message, hint=_syntax_hint(source)) from None
    except RecursionError:
        raise TemplateError(_TOO_DEEP) from None
    except (ValueError, OverflowError):  # Python's own limit on the digits of an integer
        raise TemplateError("a number in the template has too many digits") from None
    return tree.body


def _syntax_hint(source: str) -> str | None:
    if source.count("{{") > source.count("}}"):
        return "close the expression with '}}'"
    if source.count("{%") > source.count("%}"):
        return "close the statement with '%}'"
    return None


def _check(tree: nodes.Template) -> None:
    loops = 0
    for count, (node, depth, nesting) in enumerate(_walk(tree), start=1):
        loops += isinstance(node, nodes.For)
        error = left_out(node)
        if error is not None:
            raise error
        if depth > MAX_DEPTH:
            raise refusal(node, _TOO_DEEP)
        if nesting > MAX_LOOP_NESTING:
            raise refusal(node, f"loops are nested deeper than {MAX_LOOP_NESTING} levels")
        if count > MAX_NODES:
            raise TemplateError(f"the template has more than {MAX_NODES} parts")
        if loops > MAX_LOOPS:
            raise TemplateError(f"the template has more than {MAX_LOOPS} loops")


def _walk(root: nodes.Node) -> Iterator[tuple[nodes.Node, int, int]]:
    """Yield each node with its depth and the number of loops around it, without recursion."""
    waiting = [(root, 0, 0)]
    while waiting:
        node, depth, nesting = waiting.pop()
        nesting += isinstance(node, nodes.For)
        yield node, depth, nesting
        waiting.extend((child, depth + 1, nesting) for child in node.iter_child_nodes())

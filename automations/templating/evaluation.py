"""What an expression is once it is compiled: a closure over (names, fuel)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from automations.errors import TemplateError
from automations.templating.limits import Fuel

Names = Mapping[str, Any]
Evaluate = Callable[[Names, Fuel], Any]
Compile = Callable[[nodes.Node], Evaluate]
"""From a node to its closure. Each compiler is handed it for the nodes inside of its own."""


def refusal(node: nodes.Node, message: str, hint: str | None = None) -> TemplateError:
    """The error of a node that the language leaves out; says the line where it is not the first."""
    return TemplateError(at_line(node.lineno, message), hint=hint)


def at_line(line: int | None, message: str) -> str:
    """Return the message with its line in front, where that is not the first one."""
    return f"line {line}: {message}" if line and line > 1 else message

"""What the language leaves out of Jinja, and the way to write it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jinja2 import nodes

from automations.errors import TemplateError
from automations.templating.evaluation import refusal

_WHERE_USED: Final = "write the text where it is used"
_LEFT_OUT: Final[Mapping[type[nodes.Node], tuple[str, str]]] = {
    nodes.Pow: ("'**' is not part of the language", "multiply instead"),
    nodes.Assign: ("'set' is not part of the language", "write the expression where it is used"),
    nodes.AssignBlock: ("'set' is not part of the language", "write the expression where it is used"),
    nodes.Macro: ("macros are not part of the language", _WHERE_USED),
    nodes.CallBlock: ("'call' is not part of the language", _WHERE_USED),
    nodes.Include: ("'include' is not part of the language", _WHERE_USED),
    nodes.Import: ("'import' is not part of the language", _WHERE_USED),
    nodes.FromImport: ("'import' is not part of the language", _WHERE_USED),
    nodes.Extends: ("'extends' is not part of the language", _WHERE_USED),
    nodes.Block: ("blocks are not part of the language", _WHERE_USED),
    nodes.With: ("'with' is not part of the language", "write the expression where it is used"),
    nodes.FilterBlock: ("filter blocks are not part of the language", "write {{ value | filter }}"),
    nodes.ScopedEvalContextModifier: ("'autoescape' is not part of the language", "values are data; leave it out"),
}

_WITHOUT_CALL: Final[Mapping[str, str]] = {
    "items": "value | items",
    "keys": "value | list",
    "values": "value | items | map(attribute=1)",
    "get": "value['key'] | default('...')",
    "lower": "value | lower",
    "upper": "value | upper",
    "title": "value | title",
    "capitalize": "value | capitalize",
    "strip": "value | trim",
    "replace": "value | replace('old', 'new')",
    "join": "list | join(',')",
    "startswith": "value | regex_match('start')",
    "endswith": "value | regex_match('.*end$')",
    "removeprefix": "value | regex_replace('^start', '')",
    "removesuffix": "value | regex_replace('end$', '')",
    "format": "'text ' ~ value",
    "strftime": "value | datetime('%Y-%m-%d')",
    "isoformat": "value | datetime",
    "now": "event.occurred | datetime('%Y-%m-%d'): a replay renders the same",
    "cycle": "'a' if loop.index is odd else 'b'",
    "range": "a loop over a list of the event",
    "len": "value | length",
    "str": "value | string",
    "int": "value | int",
    "float": "value | float",
}


def left_out(node: nodes.Node) -> TemplateError | None:
    """Return the error of a node that has no place in the language, or None where it has one."""
    if isinstance(node, nodes.Call):
        return refusal(node, "calls are not part of the language", _instead_of_call(node.node))
    if isinstance(node, nodes.For) and node.recursive:
        return refusal(node, "recursive loops are not part of the language", "write one loop for each level")
    if type(node) in _LEFT_OUT:
        message, hint = _LEFT_OUT[type(node)]
        return refusal(node, message, hint)
    return None


def _instead_of_call(called: nodes.Node) -> str:
    name = (
        called.attr if isinstance(called, nodes.Getattr) else called.name if isinstance(called, nodes.Name) else ""
    )
    if name in _WITHOUT_CALL:
        return f"write {_WITHOUT_CALL[name]}"
    return "use a filter, such as | items, | upper, | length"

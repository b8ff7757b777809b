"""Expressions as closures over (names, fuel): no code is generated, and no Python attribute is ever read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

from automations.templating import operators as op
from automations.templating.evaluation import Compile, Evaluate, Names, refusal
from automations.templating.families import FAMILIES
from automations.templating.filter_expressions import compile_filter, compile_test
from automations.templating.limits import Fuel
from automations.templating.paths import bare_path, compile_getattr, compile_getitem, compile_path
from automations.templating.ui_url import compile_ui_url


def compile_node(node: nodes.Node) -> Evaluate:
    """Compile one expression; TemplateError for what the language leaves out."""
    path = bare_path(node)
    if path is not None:
        return compile_path(path)
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        raise refusal(node, f"{type(node).__name__.lower()} is not part of the language")
    evaluate = compiler(node, compile_node)

    def burned(names: Names, fuel: Fuel) -> Any:
        fuel.burn()
        return evaluate(names, fuel)

    return burned


_FILTERS: Final = {**FAMILIES, "ui_url": compile_ui_url}


def _filter(node: nodes.Filter, compile_node: Compile) -> Evaluate:
    return _FILTERS.get(node.name, compile_filter)(node, compile_node)


_COMPILERS: Final[Mapping[type[nodes.Node], Callable[[Any, Compile], Evaluate]]] = {
    nodes.Getattr: compile_getattr,
    nodes.Getitem: compile_getitem,
    nodes.Const: op.compile_const,
    nodes.List: op.compile_list,
    nodes.Tuple: op.compile_list,
    nodes.Dict: op.compile_dict,
    nodes.Add: op.ADD,
    nodes.Sub: op.SUB,
    nodes.Mul: op.MUL,
    nodes.Div: op.DIV,
    nodes.FloorDiv: op.FLOORDIV,
    nodes.Mod: op.MOD,
    nodes.Neg: op.NEG,
    nodes.Pos: op.POS,
    nodes.Concat: op.compile_concat,
    nodes.And: op.compile_and,
    nodes.Or: op.compile_or,
    nodes.Not: op.compile_not,
    nodes.CondExpr: op.compile_condition,
    nodes.Compare: op.compile_compare,
    nodes.Filter: _filter,
    nodes.Test: compile_test,
}

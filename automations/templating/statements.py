"""Text, output, `if` and `for` as closures that append to a list of parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from automations.templating.evaluation import Evaluate, Names, refusal
from automations.templating.expressions import compile_node
from automations.templating.limits import Fuel
from automations.templating.lists import elements
from automations.templating.values import defined, to_text, type_error

Emit = Callable[[Names, Fuel, list[str]], None]


def compile_body(body: Sequence[nodes.Node], level: int = 0) -> Emit:
    """Compile statements one after another; `level` is the number of loops around them."""
    steps = [_statement(node, level) for node in body]
    if len(steps) == 1:
        return steps[0]

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        for step in steps:
            step(names, fuel, out)

    return emit


def _statement(node: nodes.Node, level: int) -> Emit:
    compiler = _STATEMENTS.get(type(node))
    if compiler is None:
        raise refusal(node, f"{type(node).__name__.lower()} is not part of the language")
    return compiler(node, level)


def _output(node: nodes.Output, _level: int) -> Emit:
    parts = [_part(part) for part in node.nodes]

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        fuel.burn(len(parts))
        for part in parts:
            out.append(part if isinstance(part, str) else to_text(part(names, fuel), fuel))  # noqa: PERF401  out grows while parts fail

    return emit


def _part(node: nodes.Node) -> str | Evaluate:
    return node.data if isinstance(node, nodes.TemplateData) else compile_node(node)


def _if(node: nodes.If, level: int) -> Emit:
    branches = [(compile_node(n.test), compile_body(n.body, level)) for n in (node, *node.elif_)]
    otherwise = compile_body(node.else_, level)

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        for test, body in branches:
            fuel.burn()
            if defined(test(names, fuel)):
                return body(names, fuel, out)
        return otherwise(names, fuel, out)

    return emit


def _targets(node: nodes.Node) -> Callable[[Any], Mapping[str, Any]]:
    if isinstance(node, nodes.Name):
        _assignable(node)
        return lambda item: {node.name: item}
    targets = node.items if isinstance(node, nodes.Tuple) else []
    names = [_assignable(target) for target in targets if isinstance(target, nodes.Name)]
    if not names or len(names) != len(targets):
        raise refusal(node, "a loop assigns to a name, or to names with commas between")

    def unpack(item: Any) -> Mapping[str, Any]:
        if not isinstance(item, list) or len(item) != len(names):
            raise type_error(f"the loop wants lists of {len(names)} items")
        return dict(zip(names, item, strict=True))

    return unpack


def _assignable(node: nodes.Name) -> str:
    if node.name == "loop":
        raise refusal(node, "a loop cannot assign to 'loop'", "choose another name")
    return node.name


def _for(node: nodes.For, level: int) -> Emit:
    assign, iterate = _targets(node.target), compile_node(node.iter)
    test = None if node.test is None else compile_node(node.test)
    body, otherwise = compile_body(node.body, level + 1), compile_body(node.else_, level)

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        found = elements(iterate(names, fuel), "a loop", fuel)
        fuel.iterate(level, len(found))
        scopes = [{**names, **assign(one)} for one in found]
        if test is not None:
            scopes = [scope for scope in scopes if defined(test(scope, fuel))]
        if not scopes:
            otherwise(names, fuel, out)
        for position, scope in enumerate(scopes):
            scope["loop"] = _loop(position, len(scopes))
            body(scope, fuel, out)

    return emit


def _loop(position: int, length: int) -> Mapping[str, Any]:
    return {
        "index": position + 1,
        "index0": position,
        "revindex": length - position,
        "revindex0": length - position - 1,
        "first": position == 0,
        "last": position == length - 1,
        "length": length,
    }


_STATEMENTS: Final[Mapping[type[nodes.Node], Callable[[Any, int], Emit]]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.For: _for,
}

"""Text, output, `if` and `for` as closures that append to a list of parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from automations.errors import RenderError, TemplateError
from automations.templating.expressions import Evaluate, Names, compile_expression
from automations.templating.limits import MAX_ITERATIONS, Fuel
from automations.templating.lists import elements
from automations.templating.values import defined, to_text

Emit = Callable[[Names, Fuel, list[str]], None]


def compile_body(body: Sequence[nodes.Node]) -> Emit:
    """Compile statements one after another."""
    steps = [_statement(node) for node in body]
    if len(steps) == 1:
        return steps[0]

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        for step in steps:
            step(names, fuel, out)

    return emit


def _statement(node: nodes.Node) -> Emit:
    compiler = _STATEMENTS.get(type(node))
    if compiler is None:
        raise TemplateError(f"{type(node).__name__.lower()} is not part of the language")
    return compiler(node)


def _output(node: nodes.Output) -> Emit:
    parts = [_part(part) for part in node.nodes]

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        fuel.burn(len(parts))
        for part in parts:
            out.append(part if isinstance(part, str) else to_text(part(names, fuel), fuel))  # noqa: PERF401  out grows while parts fail

    return emit


def _part(node: nodes.Node) -> str | Evaluate:
    return node.data if isinstance(node, nodes.TemplateData) else compile_expression(node)


def _if(node: nodes.If) -> Emit:
    branches = [(compile_expression(n.test), compile_body(n.body)) for n in (node, *node.elif_)]
    otherwise = compile_body(node.else_)

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        for test, body in branches:
            fuel.burn()
            if defined(test(names, fuel)):
                return body(names, fuel, out)
        return otherwise(names, fuel, out)

    return emit


def _targets(node: nodes.Node) -> Callable[[Any], Mapping[str, Any]]:
    if isinstance(node, nodes.Name):
        return lambda item: {node.name: item}
    names = (
        [part.name for part in node.items if isinstance(part, nodes.Name)] if isinstance(node, nodes.Tuple) else []
    )
    if not isinstance(node, nodes.Tuple) or len(names) != len(node.items):
        raise TemplateError("a loop assigns to a name, or to names with commas between")

    def unpack(item: Any) -> Mapping[str, Any]:
        if not isinstance(item, list) or len(item) != len(names):
            raise RenderError(f"the loop wants lists of {len(names)} items", code="type")
        return dict(zip(names, item, strict=True))

    return unpack


def _for(node: nodes.For) -> Emit:
    if node.recursive:
        raise TemplateError("recursive loops are not part of the language")
    assign, iterate, body = _targets(node.target), compile_expression(node.iter), compile_body(node.body)
    test = None if node.test is None else compile_expression(node.test)
    otherwise = compile_body(node.else_)

    def emit(names: Names, fuel: Fuel, out: list[str]) -> None:
        scopes = [{**names, **assign(one)} for one in _bounded(iterate(names, fuel), fuel)]
        if test is not None:
            scopes = [scope for scope in scopes if defined(test(scope, fuel))]
        if not scopes:
            otherwise(names, fuel, out)
        for position, scope in enumerate(scopes):
            scope["loop"] = _loop(position, len(scopes))
            body(scope, fuel, out)

    return emit


def _bounded(value: Any, fuel: Fuel) -> list[Any]:
    found = elements(value, "a loop", fuel)
    if len(found) > MAX_ITERATIONS:
        raise RenderError(f"the loop runs more than {MAX_ITERATIONS} times", code="limit")
    return found


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


_STATEMENTS: Final[Mapping[type[nodes.Node], Callable[[Any], Emit]]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.For: _for,
}

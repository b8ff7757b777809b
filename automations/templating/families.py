"""The filters that take the name of another: `map`, `select`, `reject`, `selectattr`, `rejectattr`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

from automations.templating.conditions import truth
from automations.templating.evaluation import Compile, Evaluate, Names, refusal
from automations.templating.filter_expressions import apply, arguments, find_filter, find_test, named, subject
from automations.templating.limits import Fuel
from automations.templating.lists import attributes, elements
from automations.templating.values import Undefined, defined

_NO_DEFAULT: Final = Undefined("the default")


def compile_map(node: nodes.Filter, compile_node: Compile) -> Evaluate:
    """`map(attribute='a.b', default=x)`, or `map('upper')` with the filter's arguments."""
    if not node.args:
        return _map_attribute(node, compile_node)
    name = named(node, 0)
    function = find_filter(node, name)
    inner, given = compile_node(subject(node)), arguments(node, compile_node, name, function, skipped=1)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        found = elements(inner(names, fuel), "map", fuel)
        args, kwargs = given(names, fuel)
        return [defined(apply(function, name, one, fuel, args, kwargs)) for one in found]

    return evaluate


def _by_attribute(value: Any, fuel: Fuel, attribute: str | int, default: Any = _NO_DEFAULT) -> Any:
    found = attributes(elements(value, "map", fuel), attribute, fuel)
    if default is not _NO_DEFAULT:
        found = [default if type(one) is Undefined else one for one in found]
    return [defined(one) for one in found]


def _map_attribute(node: nodes.Filter, compile_node: Compile) -> Evaluate:
    if not any(str(pair.key) == "attribute" for pair in node.kwargs):
        raise refusal(node, "map takes attribute='...' or the name of a filter")
    inner, given = compile_node(subject(node)), arguments(node, compile_node, "map", _by_attribute)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        args, kwargs = given(names, fuel)
        return apply(_by_attribute, "map", inner(names, fuel), fuel, args, kwargs)

    return evaluate


def choosing(*, by_attribute: bool, keep: bool) -> Callable[[nodes.Filter, Compile], Evaluate]:
    """Return the compiler of `select` and the like: by the named test, or by truth without one."""

    def compiler(node: nodes.Filter, compile_node: Compile) -> Evaluate:
        if len(node.args) < by_attribute:
            raise refusal(node, f"{node.name} takes an attribute first")
        path = compile_node(node.args[0]) if by_attribute else None
        tested = len(node.args) > by_attribute
        name = named(node, int(by_attribute)) if tested else "truth"
        test = find_test(node, name) if tested else truth
        inner = compile_node(subject(node))
        given = arguments(node, compile_node, name, test, skipped=by_attribute + tested)

        def evaluate(names: Names, fuel: Fuel) -> Any:
            found = elements(inner(names, fuel), node.name, fuel)
            subjects = found if path is None else attributes(found, defined(path(names, fuel)), fuel)
            args, kwargs = given(names, fuel)
            held = (apply(test, name, one, fuel, args, kwargs) for one in subjects)
            return [one for one, holds in zip(found, held, strict=True) if holds is keep]

        return evaluate

    return compiler


FAMILIES: Final[Mapping[str, Callable[[nodes.Filter, Compile], Evaluate]]] = {
    "map": compile_map,
    "select": choosing(by_attribute=False, keep=True),
    "reject": choosing(by_attribute=False, keep=False),
    "selectattr": choosing(by_attribute=True, keep=True),
    "rejectattr": choosing(by_attribute=True, keep=False),
}

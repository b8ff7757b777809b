"""`value | filter(...)` and `value is test(...)`; names and arguments are checked at compile time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from automations.templating.conditions import TESTS, Test
from automations.templating.evaluation import Compile, Evaluate, Names, refusal
from automations.templating.filters import FILTERS, MISUSE, Filter
from automations.templating.limits import Fuel
from automations.templating.patterns import compile_pattern
from automations.templating.suggest import nearest
from automations.templating.values import defined, type_error

Applied = nodes.Filter | nodes.Test
Arguments = Callable[[Names, Fuel], tuple[list[Any], dict[str, Any]]]
FAMILY_NAMES: Final = ("map", "select", "reject", "selectattr", "rejectattr", "ui_url")
_PATTERNED: Final = frozenset({"regex_match", "regex_replace"})
_MAY_FALL_BACK: Final = frozenset({"default", "d"})


def compile_filter(node: nodes.Filter, compile_node: Compile) -> Evaluate:
    """A filter by name, over the value in front of it."""
    name, function = node.name, find_filter(node, node.name)
    inner, given = compile_node(subject(node)), arguments(node, compile_node, name, function)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        value = inner(names, fuel)
        args, kwargs = given(names, fuel)
        return apply(function, name, value, fuel, args, kwargs)

    return evaluate


def compile_test(node: nodes.Test, compile_node: Compile) -> Evaluate:
    """A test by name, of the value in front of it."""
    name, function = node.name, find_test(node, node.name)
    inner, given = compile_node(node.node), arguments(node, compile_node, name, function)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        value = inner(names, fuel)
        args, kwargs = given(names, fuel)
        return apply(function, name, value, fuel, args, kwargs)

    return evaluate


def apply(
    function: Callable[..., Any],
    name: str,
    value: Any,
    fuel: Fuel,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Call a filter or a test; what Python has against the arguments is a RenderError `type`."""
    try:
        return function(value, fuel, *args, **kwargs)
    except MISUSE as error:
        raise type_error(f"{name}: {str(error)[:200]}") from None


def subject(node: nodes.Filter) -> nodes.Expr:
    """Return what the filter is applied to; a filter block has nothing there."""
    if node.node is None:
        raise refusal(node, "filter blocks are not part of the language", "write {{ value | filter }}")
    return node.node


def find_filter(node: nodes.Node, name: str) -> Filter:
    """Return the filter of that name."""
    if name not in FILTERS:
        raise refusal(node, f"there is no filter {name!r}", nearest(name, [*FILTERS, *FAMILY_NAMES]))
    return FILTERS[name]


def find_test(node: nodes.Node, name: str) -> Test:
    """Return the test of that name."""
    if name not in TESTS:
        raise refusal(node, f"there is no test {name!r}", nearest(name, TESTS))
    return TESTS[name]


def named(node: nodes.Filter, position: int) -> str:
    """Return the name of a filter or a test that is written out as an argument."""
    argument = node.args[position] if position < len(node.args) else None
    if not isinstance(argument, nodes.Const) or not isinstance(argument.value, str):
        raise refusal(node, f"{node.name} takes a name in quotes there")
    return argument.value


def arguments(
    node: Applied, compile_node: Compile, name: str, function: Callable[..., Any], *, skipped: int = 0
) -> Arguments:
    """Compile the arguments after the first `skipped`, and check that `function` takes so many, so named."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise refusal(node, "'*' and '**' arguments are not part of the language")
    written: Sequence[Any] = node.kwargs  # Jinja's annotation says Pair; its parser makes Keyword
    positional = [_argument(one, compile_node, name, at) for at, one in enumerate(node.args[skipped:])]
    keywords = {one.key: _argument(one.value, compile_node, name, one.key) for one in written}
    _bind(node, name, function, len(positional), keywords)
    if not positional and not keywords:
        return lambda _names, _fuel: ([], {})
    accept = _any if name in _MAY_FALL_BACK else defined
    return lambda names, fuel: (
        [accept(argument(names, fuel)) for argument in positional],
        {key: accept(argument(names, fuel)) for key, argument in keywords.items()},
    )


def _any(value: Any) -> Any:
    return value


def _argument(node: nodes.Node, compile_node: Compile, name: str, place: int | str) -> Evaluate:
    """A pattern that is written out is compiled here, once."""
    if name not in _PATTERNED or place not in (0, "pattern") or not isinstance(node, nodes.Const):
        return compile_node(node)
    try:
        pattern = compile_pattern(str(node.value))
    except ValueError as error:
        raise refusal(node, f"{name}: {error}") from None
    return lambda _names, _fuel: pattern


def _bind(
    node: Applied, name: str, function: Callable[..., Any], positional: int, keywords: Mapping[str, Any]
) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(*[None] * (2 + positional), **dict.fromkeys(keywords))
    except TypeError as error:
        takes = ", ".join(list(signature.parameters)[2:])
        raise refusal(
            node, f"{name}: {error}", f"it takes ({takes})" if takes else "it takes no arguments"
        ) from None

"""Expressions as closures over (names, fuel): no code is generated, and no Python attribute is ever read."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from jinja2 import nodes

from automations.errors import TemplateError
from automations.templating.conditions import TESTS, compare, contains
from automations.templating.filters import FILTERS
from automations.templating.limits import MAX_INTEGER, Fuel, bounded
from automations.templating.lists import attribute as follow
from automations.templating.lists import elements
from automations.templating.suggest import nearest
from automations.templating.values import Undefined, defined, number, to_text, type_error

Names = Mapping[str, Any]
Evaluate = Callable[[Names, Fuel], Any]


def compile_expression(node: nodes.Node) -> Evaluate:
    """Compile one expression; TemplateError for what the language leaves out."""
    path = bare_path(node)
    if path is not None:
        return compile_path(path)
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        raise TemplateError(f"{type(node).__name__.lower()} is not part of the language")
    evaluate = compiler(node)

    def burned(names: Names, fuel: Fuel) -> Any:
        fuel.burn()
        return evaluate(names, fuel)

    return burned


# --- names and paths -----------------------------------------------------------------------------------------


def bare_path(node: nodes.Node) -> tuple[str | int, ...] | None:
    """Return the keys of `a.b['c'][0]`, the name first; None for anything else."""
    keys: list[str | int] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
            node = node.node
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            if type(node.arg.value) not in (str, int):
                return None
            keys.append(node.arg.value)
            node = node.node
        else:
            return None
    return (node.name, *reversed(keys))


def compile_path(path: Sequence[str | int]) -> Evaluate:
    """Direct access: one look-up for each key, and no more."""
    root, keys = str(path[0]), tuple(path[1:])

    def evaluate(names: Names, _fuel: Fuel) -> Any:
        value = names.get(root, _MISSING)
        for key in keys:
            if type(value) is dict and key in value:
                value = value[key]
            else:
                return _step(path, names)
        return Undefined(f"'{root}'") if value is _MISSING else value

    return evaluate


_MISSING: Final = object()


def _step(path: Sequence[str | int], names: Names) -> Any:
    """The slow way along a path: for list positions, and to name the part that is missing."""
    value = names.get(str(path[0]), Undefined(f"'{path[0]}'"))
    for end, key in enumerate(path[1:], start=2):
        value = item(defined(value), key, partial(written, path[:end]))
    return value


def written(path: Sequence[str | int]) -> str:
    """The path as people write it."""
    text = str(path[0])
    for key in path[1:]:
        text += f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
    return f"'{text}'"


def item(value: Any, key: Any, name: Callable[[], str]) -> Any:
    """Look one key or position up; what is not there is undefined."""
    if isinstance(value, dict):
        if isinstance(key, str) and key in value:
            return value[key]
    elif isinstance(value, list | str) and type(key) is int and -len(value) <= key < len(value):
        return value[key]
    return Undefined(name())


def _getattr(node: nodes.Getattr) -> Evaluate:
    inner, name = compile_expression(node.node), node.attr
    return lambda names, fuel: item(defined(inner(names, fuel)), name, lambda: f"the key {name!r}")


def _getitem(node: nodes.Getitem) -> Evaluate:
    inner = compile_expression(node.node)
    if isinstance(node.arg, nodes.Slice):
        return _slice(inner, node.arg)
    key = compile_expression(node.arg)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        wanted = defined(key(names, fuel))
        return item(defined(inner(names, fuel)), wanted, lambda: f"the item {wanted!r}")

    return evaluate


def _slice(inner: Evaluate, node: nodes.Slice) -> Evaluate:
    bounds = [None if part is None else compile_expression(part) for part in (node.start, node.stop, node.step)]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        value = defined(inner(names, fuel))
        ends = [None if bound is None else defined(bound(names, fuel)) for bound in bounds]
        if not isinstance(value, list | str) or any(type(end) not in (int, type(None)) for end in ends):
            raise type_error("a slice takes whole numbers, of a list or text")
        if ends[2] == 0:
            raise type_error("the step of a slice must not be 0")
        fuel.burn(len(value) // 16)
        return value[slice(*ends)]

    return evaluate


# --- literals ------------------------------------------------------------------------------------------------


def _const(node: nodes.Const) -> Evaluate:
    value = node.value
    if type(value) is int and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise TemplateError("an integer is beyond 64 bits")
    return lambda _names, _fuel: value


def _list(node: nodes.List | nodes.Tuple) -> Evaluate:
    parts = [compile_expression(part) for part in node.items]
    return lambda names, fuel: [defined(part(names, fuel)) for part in parts]


def _dict(node: nodes.Dict) -> Evaluate:
    pairs = [(compile_expression(pair.key), compile_expression(pair.value)) for pair in node.items]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        built = {defined(key(names, fuel)): defined(value(names, fuel)) for key, value in pairs}
        if not all(type(key) is str for key in built):
            raise type_error("the keys of an object are text")
        return built

    return evaluate


# --- operators -----------------------------------------------------------------------------------------------


def _arithmetic(symbol: str, operation: Callable[[Any, Any], Any]) -> Callable[[nodes.BinExpr], Evaluate]:
    def compiler(node: nodes.BinExpr) -> Evaluate:
        left, right = compile_expression(node.left), compile_expression(node.right)

        def evaluate(names: Names, fuel: Fuel) -> Any:
            one, other = left(names, fuel), right(names, fuel)
            if symbol == "+" and type(one) is type(other) and type(one) is str:
                fuel.text(len(one) + len(other))
                return one + other
            try:
                result = operation(number(one, symbol), number(other, symbol))
            except (ZeroDivisionError, OverflowError) as error:
                raise type_error(f"{symbol}: {error}") from None
            return bounded(result) if type(result) is int else result

        return evaluate

    return compiler


def _unary(symbol: str, operation: Callable[[Any], Any]) -> Callable[[nodes.UnaryExpr], Evaluate]:
    def compiler(node: nodes.UnaryExpr) -> Evaluate:
        inner = compile_expression(node.node)

        def evaluate(names: Names, fuel: Fuel) -> Any:
            result = operation(number(inner(names, fuel), symbol))
            return bounded(result) if type(result) is int else result

        return evaluate

    return compiler


def _concat(node: nodes.Concat) -> Evaluate:
    parts = [compile_expression(part) for part in node.nodes]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        texts = [to_text(part(names, fuel), fuel) for part in parts]
        fuel.text(sum(map(len, texts)))
        return "".join(texts)

    return evaluate


def _and(node: nodes.And) -> Evaluate:
    left, right = compile_expression(node.left), compile_expression(node.right)
    return lambda names, fuel: defined(left(names, fuel)) and right(names, fuel)


def _or(node: nodes.Or) -> Evaluate:
    left, right = compile_expression(node.left), compile_expression(node.right)
    return lambda names, fuel: defined(left(names, fuel)) or right(names, fuel)


def _not(node: nodes.Not) -> Evaluate:
    inner = compile_expression(node.node)
    return lambda names, fuel: not defined(inner(names, fuel))


def _condition(node: nodes.CondExpr) -> Evaluate:
    test, yes = compile_expression(node.test), compile_expression(node.expr1)
    no = None if node.expr2 is None else compile_expression(node.expr2)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        if defined(test(names, fuel)):
            return yes(names, fuel)
        return Undefined("the 'else' of the condition") if no is None else no(names, fuel)

    return evaluate


def _compare(node: nodes.Compare) -> Evaluate:
    first = compile_expression(node.expr)
    rest = [(_comparison(operand.op), compile_expression(operand.expr)) for operand in node.ops]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        left = first(names, fuel)
        for holds, expression in rest:
            right = expression(names, fuel)
            fuel.burn(len(right) // 16 if isinstance(right, str | list) else 1)
            if not holds(left, right):
                return False
            left = right
        return True

    return evaluate


def _comparison(symbol: str) -> Callable[[Any, Any], bool]:
    if symbol == "in":
        return contains
    if symbol == "notin":
        return lambda one, whole: not contains(one, whole)
    return compare(symbol)


# --- filters and tests ---------------------------------------------------------------------------------------


def _arguments(node: nodes.Filter | nodes.Test) -> tuple[list[Evaluate], dict[str, Evaluate]]:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateError("'*' and '**' arguments are not part of the language")
    named: Sequence[Any] = node.kwargs  # Jinja's annotation says Pair; its parser makes Keyword
    return [compile_expression(a) for a in node.args], {pair.key: compile_expression(pair.value) for pair in named}


def _known(table: Mapping[str, Any], what: str, name: str) -> Any:
    if name not in table:
        raise TemplateError(f"there is no {what} {name!r}", hint=nearest(name, table))
    return table[name]


def _bindable(function: Callable[..., Any], given: int, node: nodes.Filter | nodes.Test) -> None:
    """Refuse arguments that the filter does not take when the template is compiled, not when it is rendered."""
    try:
        inspect.signature(function).bind(
            *[None] * (given + len(node.args)), **{str(pair.key): None for pair in node.kwargs}
        )
    except TypeError as error:
        raise TemplateError(f"{node.name}: {error}") from None


def _filter(node: nodes.Filter) -> Evaluate:
    if node.node is None:
        raise TemplateError("filter blocks are not part of the language")
    if node.name in _FAMILIES:
        return _FAMILIES[node.name](node)
    function = _known(FILTERS, "filter", node.name)
    _bindable(function, 2, node)
    inner = compile_expression(node.node)
    args, kwargs = _arguments(node)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        value = inner(names, fuel)
        given = [defined(arg(names, fuel)) for arg in args]
        named = {key: defined(arg(names, fuel)) for key, arg in kwargs.items()}
        try:
            return function(value, fuel, *given, **named)
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            raise type_error(f"{node.name}: {error}") from None

    return evaluate


def _test(node: nodes.Test) -> Evaluate:
    function = _known(TESTS, "test", node.name)
    _bindable(function, 1, node)
    inner = compile_expression(node.node)
    args, kwargs = _arguments(node)
    if kwargs:
        raise TemplateError(f"the test {node.name!r} takes no named arguments")
    return lambda names, fuel: function(inner(names, fuel), *[defined(arg(names, fuel)) for arg in args])


def _map(node: nodes.Filter) -> Evaluate:
    """`map(attribute='a.b', default=x)`, or `map('upper')` with the filter's arguments."""
    inner = compile_expression(node.node)  # type: ignore[arg-type]  # _filter has ruled None out
    args, kwargs = _arguments(node)
    if "attribute" in kwargs and not args:
        return _map_attribute(inner, kwargs)
    if not (node.args and isinstance(node.args[0], nodes.Const)):
        raise TemplateError("map takes attribute='...' or the name of a filter")
    function = _known(FILTERS, "filter", str(node.args[0].value))

    def evaluate(names: Names, fuel: Fuel) -> Any:
        given = [defined(arg(names, fuel)) for arg in args[1:]]
        return [function(one, fuel, *given) for one in elements(inner(names, fuel), "map", fuel)]

    return evaluate


def _map_attribute(inner: Evaluate, kwargs: Mapping[str, Evaluate]) -> Evaluate:
    path, fallback = kwargs["attribute"], kwargs.get("default")

    def evaluate(names: Names, fuel: Fuel) -> Any:
        keys = defined(path(names, fuel))
        found = [follow(one, keys) for one in elements(inner(names, fuel), "map", fuel)]
        if fallback is None:
            return [defined(one) for one in found]
        return [fallback(names, fuel) if type(one) is Undefined else one for one in found]

    return evaluate


def _choose(by_attribute: bool, keep: bool) -> Callable[[nodes.Filter], Evaluate]:
    """`select`, `reject`, `selectattr`, `rejectattr`: by the named test, or by truth without one."""

    def compiler(node: nodes.Filter) -> Evaluate:
        inner = compile_expression(node.node)  # type: ignore[arg-type]  # _filter has ruled None out
        args, kwargs = _arguments(node)
        if kwargs or (by_attribute and not args):
            raise TemplateError(f"{node.name} takes {'an attribute and ' * by_attribute}the name of a test")
        named = node.args[by_attribute] if len(node.args) > by_attribute else None
        if named is not None and not isinstance(named, nodes.Const):
            raise TemplateError(f"{node.name} takes the name of a test")
        test = _known(TESTS, "test", str(named.value)) if named is not None else bool

        def evaluate(names: Names, fuel: Fuel) -> Any:
            given = [defined(arg(names, fuel)) for arg in args]
            rest = given[by_attribute + 1 :]
            found = elements(inner(names, fuel), node.name, fuel)
            subjects = [follow(one, given[0]) for one in found] if by_attribute else found
            return [one for one, subject in zip(found, subjects, strict=True) if test(subject, *rest) is keep]

        return evaluate

    return compiler


_FAMILIES: Final[Mapping[str, Callable[[nodes.Filter], Evaluate]]] = {
    "map": _map,
    "select": _choose(by_attribute=False, keep=True),
    "reject": _choose(by_attribute=False, keep=False),
    "selectattr": _choose(by_attribute=True, keep=True),
    "rejectattr": _choose(by_attribute=True, keep=False),
}
FILTER_NAMES: Final = frozenset({*FILTERS, *_FAMILIES})

_COMPILERS: Final[Mapping[type[nodes.Node], Callable[[Any], Evaluate]]] = {
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.Const: _const,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Add: _arithmetic("+", operator.add),
    nodes.Sub: _arithmetic("-", operator.sub),
    nodes.Mul: _arithmetic("*", operator.mul),
    nodes.Div: _arithmetic("/", operator.truediv),
    nodes.FloorDiv: _arithmetic("//", operator.floordiv),
    nodes.Mod: _arithmetic("%", operator.mod),
    nodes.Neg: _unary("-", operator.neg),
    nodes.Pos: _unary("+", operator.pos),
    nodes.Concat: _concat,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.CondExpr: _condition,
    nodes.Compare: _compare,
    nodes.Filter: _filter,
    nodes.Test: _test,
}

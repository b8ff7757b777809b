"""Literals, arithmetic, logic and comparison."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from jinja2 import nodes

from automations.templating.conditions import compare, contains
from automations.templating.evaluation import Compile, Evaluate, Names, refusal
from automations.templating.limits import MAX_INTEGER, Fuel, bounded
from automations.templating.values import Undefined, defined, number, to_text, type_error


def compile_const(node: nodes.Const, _compile_node: Compile) -> Evaluate:
    """A literal that JSON knows."""
    value = node.value
    if type(value) is int and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise refusal(node, "an integer is beyond 64 bits")
    if type(value) is float and not math.isfinite(value):
        raise refusal(node, "a number is beyond what JSON can hold")
    return lambda _names, _fuel: value


def compile_list(node: nodes.List | nodes.Tuple, compile_node: Compile) -> Evaluate:
    """A list or a tuple; both are lists."""
    parts = [compile_node(part) for part in node.items]
    return lambda names, fuel: [defined(part(names, fuel)) for part in parts]


def compile_dict(node: nodes.Dict, compile_node: Compile) -> Evaluate:
    """An object, with text as keys."""
    pairs = [(compile_node(pair.key), compile_node(pair.value)) for pair in node.items]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        built = {}
        for key, value in pairs:
            name = defined(key(names, fuel))
            if type(name) is not str:
                raise type_error("the keys of an object are text")
            built[name] = defined(value(names, fuel))
        return built

    return evaluate


def arithmetic(symbol: str, operation: Callable[[Any, Any], Any]) -> Callable[[nodes.BinExpr, Compile], Evaluate]:
    """An operator between numbers; `+` joins two texts, too."""

    def compiler(node: nodes.BinExpr, compile_node: Compile) -> Evaluate:
        left, right = compile_node(node.left), compile_node(node.right)

        def evaluate(names: Names, fuel: Fuel) -> Any:
            one, other = defined(left(names, fuel)), defined(right(names, fuel))
            if symbol == "+" and type(one) is str and type(other) is str:
                fuel.text(len(one) + len(other))
                return one + other
            try:
                return bounded(operation(number(one, symbol), number(other, symbol)))
            except (ZeroDivisionError, OverflowError) as error:
                raise type_error(f"{symbol}: {error}") from None

        return evaluate

    return compiler


def unary(symbol: str, operation: Callable[[Any], Any]) -> Callable[[nodes.UnaryExpr, Compile], Evaluate]:
    """A sign in front of a number."""

    def compiler(node: nodes.UnaryExpr, compile_node: Compile) -> Evaluate:
        inner = compile_node(node.node)
        return lambda names, fuel: bounded(operation(number(inner(names, fuel), symbol)))

    return compiler


def compile_concat(node: nodes.Concat, compile_node: Compile) -> Evaluate:
    """`a ~ b`: any values, as text."""
    parts = [compile_node(part) for part in node.nodes]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        texts = [to_text(part(names, fuel), fuel) for part in parts]
        fuel.text(sum(map(len, texts)))
        return "".join(texts)

    return evaluate


def compile_and(node: nodes.And, compile_node: Compile) -> Evaluate:
    """`a and b`: the value that decides, as in Python."""
    left, right = compile_node(node.left), compile_node(node.right)
    return lambda names, fuel: defined(left(names, fuel)) and right(names, fuel)


def compile_or(node: nodes.Or, compile_node: Compile) -> Evaluate:
    """`a or b`: the value that decides, as in Python."""
    left, right = compile_node(node.left), compile_node(node.right)
    return lambda names, fuel: defined(left(names, fuel)) or right(names, fuel)


def compile_not(node: nodes.Not, compile_node: Compile) -> Evaluate:
    """`not a`."""
    inner = compile_node(node.node)
    return lambda names, fuel: not defined(inner(names, fuel))


def compile_condition(node: nodes.CondExpr, compile_node: Compile) -> Evaluate:
    """`a if b else c`; undefined when the `else` is needed and absent."""
    test, yes = compile_node(node.test), compile_node(node.expr1)
    no = None if node.expr2 is None else compile_node(node.expr2)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        if defined(test(names, fuel)):
            return yes(names, fuel)
        return Undefined("the 'else' of the condition") if no is None else no(names, fuel)

    return evaluate


def compile_compare(node: nodes.Compare, compile_node: Compile) -> Evaluate:
    """`a < b <= c`, `a in b`."""
    first = compile_node(node.expr)
    rest = [(_comparison(operand.op), compile_node(operand.expr)) for operand in node.ops]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        left = first(names, fuel)
        for holds, expression in rest:
            right = expression(names, fuel)
            if not holds(left, fuel, right):
                return False
            left = right
        return True

    return evaluate


def _comparison(symbol: str) -> Callable[[Any, Fuel, Any], bool]:
    if symbol == "in":
        return contains
    if symbol == "notin":
        return lambda one, fuel, whole: not contains(one, fuel, whole)
    return compare(symbol)


ADD, SUB, MUL = arithmetic("+", operator.add), arithmetic("-", operator.sub), arithmetic("*", operator.mul)
DIV, FLOORDIV = arithmetic("/", operator.truediv), arithmetic("//", operator.floordiv)
MOD = arithmetic("%", operator.mod)
NEG, POS = unary("-", operator.neg), unary("+", operator.pos)

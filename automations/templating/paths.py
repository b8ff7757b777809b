"""Names, keys, positions and slices. Only objects, lists and text are ever looked into: no Python attribute is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from jinja2 import nodes

from automations.templating.evaluation import Compile, Evaluate, Names
from automations.templating.limits import Fuel
from automations.templating.values import Undefined, defined, type_error

Path = tuple[str | int, ...]


def bare_path(node: nodes.Node) -> Path | None:
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


def compile_path(path: Path) -> Evaluate:
    """Direct access: one look-up for each key, and no more."""
    root, keys = str(path[0]), path[1:]

    def evaluate(names: Names, _fuel: Fuel) -> Any:
        try:
            value = names[root]
            for key in keys:
                value = value[key]
        except (KeyError, IndexError, TypeError):
            return _missing(path, names)
        return value

    return evaluate


def _missing(path: Path, names: Names) -> Any:
    """Go the path again, to name the part that is missing: undefined at its end, an error before."""
    value = names.get(str(path[0]), Undefined(written(path[:1])))
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
    """Look one key or position up; what is not there is undefined. `x[0]` of an object is `x['0']`."""
    if isinstance(value, dict):
        key = str(key) if type(key) is int else key
        if isinstance(key, str) and key in value:
            return value[key]
    elif isinstance(value, list | str) and type(key) is int and -len(value) <= key < len(value):
        return value[key]
    return Undefined(name())


def compile_getattr(node: nodes.Getattr, compile_node: Compile) -> Evaluate:
    """`(...).key`."""
    inner, name = compile_node(node.node), node.attr
    return lambda names, fuel: item(defined(inner(names, fuel)), name, lambda: f"the key {name!r}")


def compile_getitem(node: nodes.Getitem, compile_node: Compile) -> Evaluate:
    """`x[...]`: a key, a position or a slice."""
    inner = compile_node(node.node)
    if isinstance(node.arg, nodes.Slice):
        return _slice(inner, node.arg, compile_node)
    key = compile_node(node.arg)

    def evaluate(names: Names, fuel: Fuel) -> Any:
        wanted = defined(key(names, fuel))
        return item(defined(inner(names, fuel)), wanted, lambda: f"the item {str(wanted)[:64]!r}")

    return evaluate


def _slice(inner: Evaluate, node: nodes.Slice, compile_node: Compile) -> Evaluate:
    bounds = [None if part is None else compile_node(part) for part in (node.start, node.stop, node.step)]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        value = defined(inner(names, fuel))
        ends = [None if bound is None else defined(bound(names, fuel)) for bound in bounds]
        if not isinstance(value, list | str) or any(type(end) not in (int, type(None)) for end in ends):
            raise type_error("a slice takes whole numbers, of a list or text")
        if ends[2] == 0:
            raise type_error("the step of a slice must not be 0")
        cut = slice(*ends)
        fuel.burn(len(range(*cut.indices(len(value)))) // 16)
        return value[cut]

    return evaluate

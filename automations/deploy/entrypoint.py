"""What an entrypoint's source says, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from automations.errors import AutomationsError
from automations.rulefiles import suggestion

_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """`flow` is the flow's name. `parameters` are the names that the function takes, None when it takes any, or
    when its source does not tell.
    """

    flow: str
    parameters: frozenset[str] | None


def inspect_entrypoint(entrypoint: str, directory: Path) -> Entrypoint:
    """Find `path.py:function` or `package.module:function` below `directory`. AutomationsError says what is
    missing.
    """
    file, function = _parted(entrypoint)
    if not file.endswith(".py"):
        file = _file_of_module(file, directory)
    module = _parse(file, directory / file)
    found = {name: node for node in _statements(module.body) for name in _defined(node)}
    if function not in found:
        functions = [name for name, node in found.items() if isinstance(node, _FUNCTION)]
        raise AutomationsError(
            f"{file} has no function {function!r}",
            code="no-function",
            hint=suggestion(function, functions) or f"it has {', '.join(functions) or 'none'}",
        )
    return _described(function, found[function])


def unseen_entrypoint(entrypoint: str) -> Entrypoint:
    """Return what the name alone of `path.py:function` tells; AutomationsError where it is none."""
    _, function = _parted(entrypoint)
    return Entrypoint(function.replace("_", "-"), None)


def _file_of_module(module: str, directory: Path) -> str:
    path = module.replace(".", "/")
    package = f"{path}/__init__.py"
    return package if (directory / package).is_file() else f"{path}.py"


def _parted(entrypoint: str) -> tuple[str, str]:
    file, colon, function = entrypoint.rpartition(":")
    if not colon or not file or not function.isidentifier():
        raise AutomationsError(
            f"{entrypoint!r} is no entrypoint", code="bad-entrypoint", hint="write path/to/file.py:function"
        )
    return file, function


def _parse(file: str, path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), file)
    except OSError as error:
        raise AutomationsError(
            f"the entrypoint's file {file} cannot be read: {error.strerror}",
            code="no-file",
            hint="paths are relative to the folder of the deployment file",
        ) from None
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise AutomationsError(f"{file} is no Python{line}: {error}", code="bad-entrypoint") from None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What a module defines at its top, also under `if` and `try`."""
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                yield from _statements(getattr(node, inner, []))


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, _FUNCTION):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.ImportFrom):
        return [name.asname or name.name for name in node.names]
    return []


def _described(function: str, node: ast.stmt) -> Entrypoint:
    if not isinstance(node, _FUNCTION):
        return Entrypoint(function.replace("_", "-"), None)
    named = next((name for decorator in node.decorator_list if (name := _flow_name(decorator))), None)
    arguments = node.args
    names = frozenset(argument.arg for argument in (*arguments.args, *arguments.kwonlyargs))
    bare = all(_is_flow(decorator) for decorator in node.decorator_list)
    return Entrypoint(named or function.replace("_", "-"), names if bare and arguments.kwarg is None else None)


def _is_flow(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    called = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
    return called == "flow"


def _flow_name(decorator: ast.expr) -> str | None:
    """The name in `@flow(name="...")`."""
    if not isinstance(decorator, ast.Call) or not _is_flow(decorator):
        return None
    values = [keyword.value for keyword in decorator.keywords if keyword.arg == "name"]
    name = values[0].value if values and isinstance(values[0], ast.Constant) else None
    return name if isinstance(name, str) else None

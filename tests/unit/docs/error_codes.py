"""The codes that the checker may tell, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import automations

_CHECKER = ("model", "rulefiles", "templating", "engine/payload_pattern", "wiring")
_RUNS = "deploy/rule_check.py"
BY_NAME = frozenset({"bad-template", "empty-pattern", "job-variables", "policy"})
"""Codes that are not written where the problem is built."""
_TELLING = frozenset({"Problem", "PydanticCustomError", "_report", "_refusal", "_warning", "_Refused", "_refuse"})
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def told_codes() -> set[str]:
    """Return the code of every problem that is built somewhere in the checker."""
    root = Path(automations.__file__).parent
    files = [root / _RUNS, *(file for folder in _CHECKER for file in (root / folder).rglob("*.py"))]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    return {code for tree in trees for node in ast.walk(tree) for code in _codes(node)}


def _codes(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given: list[ast.expr] = list(node.args[:2]) if name in _TELLING else []
    if name == "TemplateError":
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    for value in given:
        for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and _CODE.fullmatch(each.value):
                yield each.value

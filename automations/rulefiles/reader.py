"""YAML and JSON files as data only: plain values, their places, and every problem that can be told."""

from __future__ import annotations

import re
from typing import Final

import yaml

from automations.errors import Location, Problem
from automations.model.document import JsonValue
from automations.rulefiles.composer import Composer, Node
from automations.rulefiles.document import Document, Path
from automations.rulefiles.source import Refusal, Source

_QUOTED: Final = 'a template stands in quotes: "{{ ... }}"'
_HINTS: Final = (
    (re.compile(r"[:,\[-]\s+\{[{%]"), _QUOTED),
    (re.compile(r"\n *\t"), "indent with spaces, not with tabs"),
    (re.compile(r"\Amapping values"), "put a text that holds ': ' in quotes"),
    (re.compile(r"scanning an alias"), "put a text that begins with '*' in quotes"),
    (re.compile(r"cannot start any token"), "put a text that begins with this character in quotes"),
)
"""What is seen in the parser's message, or in the line below it → the likely mend."""


def read_yaml(text: str | bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """Read all documents of a YAML file, or of a JSON file (`file` ends in `.json`).

    A document with a problem is left out; empty ones are, too. What makes the rest unreadable (its syntax, a bound
    that is passed) is the last problem.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        source = Source(text, file)
        composer = Composer(source)
        problems = composer.problems
        documents.extend(_document(root, file) for root in composer.documents() if root.value is not None)
    except Refusal as refusal:
        problems.append(refusal.problem)
    except yaml.YAMLError as error:
        problems.append(_syntax(error, source))
    return documents, problems


def _syntax(error: yaml.YAMLError, source: Source) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem("yaml-syntax", str(error), Location(source.file, 1, 1))
    where, message = source.place(error.problem_mark), error.problem or "this is no YAML"
    seen = f"{message} {error.context or ''}\n{source.line(where.line)}"
    hint = next((mend for sign, mend in _HINTS if sign.search(seen)), None)
    start = source.place(error.context_mark) if error.context and error.context_mark else where
    if start != where:
        message = f"{message} {error.context} that starts at {start}"
    return Problem("yaml-syntax", message, where, hint)


def _document(root: Node, file: str) -> Document:
    keys: dict[Path, Location] = {}
    values: dict[Path, Location] = {}
    return Document(_plain(root, (), keys, values), file, keys, values)


def _plain(node: Node, path: Path, keys: dict[Path, Location], values: dict[Path, Location]) -> JsonValue:
    """Depth is bounded by the composer, size by the file's and the aliases' bounds, so this recursion is short."""
    values[path] = node.location
    if node.kind == "sequence":
        return [_plain(item, (*path, position), keys, values) for position, item in enumerate(node.value)]
    if node.kind == "mapping":
        plain = {}
        for key, value in node.value:
            keys[*path, key.value] = key.location
            plain[key.value] = _plain(value, (*path, key.value), keys, values)
        return plain
    return node.value

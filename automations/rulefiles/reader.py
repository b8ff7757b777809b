"""YAML as data with positions, composed from the parser's events, so that hostile files end early.

Only PyYAML's event stream is used: no tag is resolved, nothing is recursive, and every bound is checked before
anything grows (a 306-byte file can otherwise expand to gigabytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from automations.errors import Location, Problem
from automations.model.document import JsonValue
from automations.rulefiles.scalars import resolve

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same events, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_ALIAS_NODES: Final = 10_000
_MERGE: Final = "<<"

Path = tuple[str | int, ...]


class Refusal(Exception):
    """The file cannot be read; carries the located problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place. `value` is a scalar, a list of nodes, or (key node, value node) pairs."""

    kind: str
    value: Any
    location: Location
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """Plain JSON `data`, and where each part of it stands in the file."""

    data: JsonValue
    file: str
    _keys: dict[Path, Location] = field(repr=False)
    _values: dict[Path, Location] = field(repr=False)

    def location(self, path: Path = (), *, key: bool = False) -> Location:
        """Return the place of a value, or of its key; of the nearest parent for what is not there."""
        while True:
            found = (self._keys.get(path) if key else None) or self._values.get(path)
            if found is not None:
                return found
            if not path:
                return Location(self.file, 1, 1)
            path, key = path[:-1], False


@dataclass(slots=True)
class _Composer:
    file: str
    anchors: dict[str, Node] = field(default_factory=dict)
    alias_nodes: int = 0

    def refuse(self, code: str, message: str, mark: Any, hint: str | None = None) -> Refusal:
        return Refusal(Problem(code, message, self.at(mark), hint))

    def at(self, mark: Any) -> Location:
        return Location(self.file, mark.line + 1, mark.column + 1)

    def documents(self, events: Iterator[Any]) -> Iterator[Node]:
        stack: list[Node] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors, self.alias_nodes = {}, 0
            elif isinstance(event, yaml.AliasEvent):
                self._alias(stack, event)
            elif isinstance(event, yaml.NodeEvent):
                root = self._open(stack, event)
                if root is not None:
                    yield root
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                closed = stack.pop()
                if closed.kind == "mapping":
                    closed.value = self._pairs(closed, event)
                if stack:
                    self._grown(stack[-1], closed)
                else:
                    yield closed

    def _open(self, stack: list[Node], event: Any) -> Node | None:
        """Take a scalar or the start of a collection; returns it when it is a whole document by itself."""
        if event.tag is not None and event.tag != "!":
            raise self.refuse("yaml-tag", f"the tag {event.tag!r} is not allowed", event.start_mark, "remove it")
        scalar = isinstance(event, yaml.ScalarEvent)
        node = (
            Node("scalar", self._scalar(event), self.at(event.start_mark)) if scalar else self._collection(event)
        )
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if stack:
            stack[-1].value.append(node)
        if scalar:
            if stack:
                self._grown(stack[-1], node)
            return None if stack else node
        if len(stack) >= MAX_DEPTH:
            raise self.refuse("too-deep", f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        stack.append(node)
        return None

    def _collection(self, event: Any) -> Node:
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        return Node(kind, [], self.at(event.start_mark))

    @staticmethod
    def _grown(parent: Node, child: Node) -> None:
        parent.size += child.size
        parent.height = max(parent.height, child.height + 1)

    def _scalar(self, event: Any) -> JsonValue:
        bad = next((c for c in event.value if c == "\0" or "\ud800" <= c <= "\udfff"), None)
        if bad is not None:
            raise self.refuse("bad-text", "the text holds a character that JSON cannot carry", event.start_mark)
        if not event.implicit[0]:
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            raise self.refuse("bad-number", str(error), event.start_mark, "write it in quotes") from None

    def _alias(self, stack: list[Node], event: Any) -> None:
        node = self.anchors.get(event.anchor)
        if node is None or node in stack:
            raise self.refuse("yaml-alias", f"the alias *{event.anchor} names no earlier anchor", event.start_mark)
        self.alias_nodes += node.size
        if self.alias_nodes > MAX_ALIAS_NODES:
            raise self.refuse("yaml-alias", f"aliases add more than {MAX_ALIAS_NODES} values", event.start_mark)
        if len(stack) + node.height >= MAX_DEPTH:
            raise self.refuse("too-deep", f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        if stack:
            stack[-1].value.append(node)
            self._grown(stack[-1], node)

    def _pairs(self, node: Node, event: Any) -> list[tuple[Node, Node]]:
        items = node.value
        pairs = list(zip(items[::2], items[1::2], strict=True))
        merged = [pair for key, value in pairs if key.value == _MERGE for pair in self._merged(key, value)]
        own = [(key, value) for key, value in pairs if key.value != _MERGE]
        seen: dict[str, Node] = {}
        for key, _ in own:
            self._check_key(key, seen, event)
            seen[key.value] = key
        return own + self._inherited(merged, seen)

    def _check_key(self, key: Node, seen: dict[str, Node], _event: Any) -> None:
        if key.kind != "scalar" or not isinstance(key.value, str):
            raise Refusal(
                Problem("bad-key", f"the key {key.value!r} is no text" if key.kind == "scalar" else
                        "a key is a single text", key.location, "write it in quotes")
            )  # fmt: skip
        if key.value in seen:
            first = seen[key.value].location
            raise Refusal(
                Problem("duplicate-key", f"{key.value!r} stands twice; the first is at {first}", key.location)
            )

    def _merged(self, key: Node, value: Node) -> list[tuple[Node, Node]]:
        parents = value.value if value.kind == "sequence" else [value]
        if any(parent.kind != "mapping" for parent in parents):
            raise Refusal(Problem("yaml-merge", "'<<' merges mappings only", key.location, "write <<: *anchor"))
        pairs = [pair for parent in parents for pair in parent.value]
        self.alias_nodes += len(pairs)
        if self.alias_nodes > MAX_ALIAS_NODES:
            raise Refusal(Problem("yaml-alias", f"aliases add more than {MAX_ALIAS_NODES} values", key.location))
        return pairs

    @staticmethod
    def _inherited(merged: list[tuple[Node, Node]], seen: dict[str, Node]) -> list[tuple[Node, Node]]:
        """The merged pairs that nothing nearer overrides: own keys first, then earlier parents."""
        kept: dict[str, tuple[Node, Node]] = {}
        for key, value in merged:
            if key.value not in seen:
                kept.setdefault(key.value, (key, value))
        return list(kept.values())


def read_yaml(text: str | bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """Read all documents of a YAML or JSON file. What stands before the first problem is returned, too."""
    documents: list[Document] = []
    try:
        source = _decoded(text, file)
        for root in _Composer(file).documents(yaml.parse(source, Loader=_Loader)):
            document = _document(root, file)
            if document.data is not None:
                documents.append(document)
    except Refusal as refusal:
        return documents, [refusal.problem]
    except yaml.YAMLError as error:
        return documents, [_syntax(error, file)]
    return documents, []


def _decoded(text: str | bytes, file: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise Refusal(Problem("too-large", f"the file is larger than {MAX_BYTES // 1024} KiB", Location(file)))
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Refusal(Problem("bad-text", "the file is not UTF-8", Location(file, line, 1))) from None


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "this is no YAML"
    location = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
    return Problem("yaml-syntax", str(what), location)


def _document(root: Node, file: str) -> Document:
    keys: dict[Path, Location] = {}
    values: dict[Path, Location] = {}
    return Document(_plain(root, (), keys, values), file, keys, values)


def _plain(node: Node, path: Path, keys: dict[Path, Location], values: dict[Path, Location]) -> JsonValue:
    """Depth is bounded by MAX_DEPTH, size by the file's and the aliases' bounds, so this recursion is short."""
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

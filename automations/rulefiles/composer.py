"""YAML's events into nodes with places, so that hostile files end early.

Only PyYAML's event stream is used: no tag is resolved, nothing is recursive, and every bound is checked before
anything grows (a 306-byte file can otherwise expand to gigabytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import yaml

from automations.errors import Location, Problem
from automations.rulefiles.scalars import resolve
from automations.rulefiles.source import Refusal, Source

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same events, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_DEPTH: Final = 32
MAX_ALIAS_NODES: Final = 10_000
MAX_PROBLEMS: Final = 100
_UNCARRIED: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""What no text may hold, also where it is written as an escape."""
_QUOTE: Final = 'a template stands in quotes: "{{ ... }}"'


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place. `value` is a scalar, a list of nodes, or, once closed, (key, value) node pairs.

    `size` counts the nodes in it and itself, `height` the nested collections; `merges` marks a plain `<<`.
    """

    value: Any
    location: Location
    kind: str = "scalar"
    size: int = 1
    height: int = 0
    merges: bool = False


Pair = tuple[Node, Node]


class Composer:
    """Built from a source. `problems` are those that leave the rest of the file readable."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._anchors: dict[str, Node] = {}
        self._alias_nodes = 0
        self._stack: list[Node] = []

    def documents(self) -> Iterator[Node]:
        """Yield the roots of the documents without a problem. Refusal, YAMLError: the rest is not readable."""
        known = 0
        for event in yaml.parse(self._source.text, Loader=_Loader):
            if isinstance(event, yaml.DocumentStartEvent):
                known, self._anchors, self._alias_nodes = len(self.problems), {}, 0
                self._stack = [Node([], self._place(event), "sequence")]
            elif isinstance(event, yaml.DocumentEndEvent):
                if len(self.problems) == known:
                    yield self._stack[0].value[0]
            elif isinstance(event, yaml.NodeEvent):
                self._take(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(event))
            return
        if event.tag is not None:
            self._refuse_tag(event)
        scalar = isinstance(event, yaml.ScalarEvent)
        node = self._scalar(event) if scalar else self._collection(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if scalar:
            self._add(node)
        else:
            self._stack.append(node)

    def _refuse_tag(self, event: Any) -> None:
        """`match: {region: !eu}` is a tag for YAML and an exclusion for its author."""
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        local = len(tag) > 1 and not tag.startswith("!!")
        hint = f'if it is an exclusion, write "{tag}" in quotes' if local else "remove it"
        self._report("yaml-tag", f"the tag {tag!r} is not allowed", self._place(event), hint)

    def _add(self, node: Node) -> None:
        parent = self._stack[-1]
        parent.value.append(node)
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)

    def _close(self) -> None:
        node = self._stack.pop()
        if node.kind == "mapping":
            node.value = self._pairs(node.value)
        self._add(node)

    def _collection(self, event: Any) -> Node:
        self._check_depth(1, event)
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        return Node([], self._place(event), kind, height=1)

    def _check_depth(self, height: int, event: Any) -> None:
        """The bottom of the stack is no level of the file: it only holds the root."""
        if len(self._stack) - 1 + height > MAX_DEPTH:
            raise self._refusal("too-deep", f"nested deeper than {MAX_DEPTH} levels", self._place(event))

    def _scalar(self, event: Any) -> Node:
        text, where, plain = event.value, self._place(event), event.implicit[0]
        found = _UNCARRIED.search(text)
        if found is not None:
            self._report("bad-text", f"a text must not hold the character U+{ord(found[0]):04X}", where)
        try:
            return Node(resolve(text) if plain else text, where, merges=plain and text == "<<")
        except ValueError as error:
            self._report("bad-number", str(error), where, "write it in quotes if it is text")
            return Node(text, where)

    def _aliased(self, event: Any) -> Node:
        node, where = self._anchors.get(event.anchor), self._place(event)
        if node is None or node in self._stack:
            message = f"the alias *{event.anchor} names no earlier anchor"
            self._report("yaml-alias", message, where, f'if it is a wildcard, write "*{event.anchor}" in quotes')
            return Node(None, where)
        self._spend(node.size, where)
        self._check_depth(node.height, event)
        return replace(node, location=where)

    def _spend(self, nodes: int, where: Location) -> None:
        self._alias_nodes += nodes
        if self._alias_nodes > MAX_ALIAS_NODES:
            raise self._refusal("yaml-alias", f"aliases add more than {MAX_ALIAS_NODES} values", where)

    def _pairs(self, items: list[Node]) -> list[Pair]:
        own: dict[str, Pair] = {}
        merged: list[Pair] = []
        seen: dict[tuple[str, bool], Node] = {}
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not self._is_new_key(key, seen):
                continue
            if key.merges:
                merged = self._merged(key, value)
            else:
                own[key.value] = (key, value)
        for key, value in merged:  # what is nearer wins: own keys, then earlier parents
            own.setdefault(key.value, (key, value))
        return list(own.values())

    def _is_new_key(self, key: Node, seen: dict[tuple[str, bool], Node]) -> bool:
        if key.kind != "scalar":
            self._report("bad-key", "a key is one text, not a mapping or a list", key.location, _QUOTE)
            return False
        if not isinstance(key.value, str):
            written = orjson.dumps(key.value).decode()
            self._report("bad-key", f"the key {written} is no text", key.location, "write it in quotes")
            return False
        first = seen.setdefault((key.value, key.merges), key)
        if first is not key:
            message = f"{key.value!r} stands twice; the first is at {first.location}"
            self._report("duplicate-key", message, key.location)
        return first is key

    def _merged(self, key: Node, value: Node) -> list[Pair]:
        parents = value.value if value.kind == "sequence" else [value]
        if any(parent.kind != "mapping" for parent in parents):
            self._report("yaml-merge", "'<<' merges mappings only", key.location, "write <<: *anchor")
            return []
        pairs: list[Pair] = [pair for parent in parents for pair in parent.value]
        self._spend(len(pairs), key.location)
        return pairs

    def _place(self, event: Any) -> Location:
        return self._source.place(event.start_mark)

    def _report(self, code: str, message: str, where: Location, hint: str | None = None) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            raise self._refusal("too-many", f"the file has more than {MAX_PROBLEMS} problems", where)
        self.problems.append(Problem(code, message, where, hint))

    @staticmethod
    def _refusal(code: str, message: str, where: Location) -> Refusal:
        return Refusal(Problem(code, message, where))

"""JSON values whose leaves know where they came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from automations.model.job import Provenance

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, an empty list or an empty object. `raw` is the value before `env` made it text."""

    value: Any
    raw: Any
    provenance: Provenance


Tree = Leaf | dict[str, "Tree"] | list["Tree"]


def plain(tree: Tree) -> Any:
    """The JSON value."""
    if isinstance(tree, dict):
        return {key: plain(child) for key, child in tree.items()}
    if isinstance(tree, list):
        return [plain(child) for child in tree]
    return tree.value


def leaves(tree: Tree, steps: Steps = ()) -> Iterator[tuple[Steps, Leaf]]:
    """Every leaf with its path, in order."""
    if isinstance(tree, Leaf):
        yield steps, tree
        return
    for step, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from leaves(child, (*steps, step))


def first_leaf(tree: Tree) -> Leaf:
    """The first leaf, or the first that an event filled where there is one. Trees are never empty."""
    found = [leaf for _, leaf in leaves(tree)]
    return next((leaf for leaf in found if leaf.provenance.template is not None), found[0])


def is_null(tree: Tree) -> bool:
    """True for a leaf that unsets."""
    return isinstance(tree, Leaf) and tree.value is None


def pointer(steps: Steps) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def dotted(steps: Steps) -> str:
    """Write a path as people do: `env.REGION`."""
    return ".".join(str(step) for step in steps)

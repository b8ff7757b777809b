"""Which names a template reads from its context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jinja2 import nodes


def free_names(node: nodes.Node, own: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names that are read and not a loop's `own`. A loop's names hold inside of it and nowhere else."""
    if isinstance(node, nodes.Name):
        if node.name not in own:
            yield node.name
    elif isinstance(node, nodes.For):
        targets = (node.target, *node.target.find_all(nodes.Name))
        items = own | {target.name for target in targets if isinstance(target, nodes.Name)}
        yield from free_names(node.iter, own)
        yield from _free(node.else_, own)
        yield from _free([node.test] if node.test else [], items)
        yield from _free(node.body, items | {"loop"})
    else:
        yield from _free(node.iter_child_nodes(), own)


def _free(within: Iterable[nodes.Node], own: frozenset[str]) -> Iterator[str]:
    for node in within:
        yield from free_names(node, own)

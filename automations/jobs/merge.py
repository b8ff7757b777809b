"""`pool defaults ← deployment ← run` (jobs.md section 2)."""

from __future__ import annotations

from collections.abc import Set

from automations.jobs.tree import Leaf, Tree, first_leaf, is_null


def merge(lower: dict[str, Tree], upper: dict[str, Tree], deep: Set[str]) -> dict[str, Tree]:
    """Lay `upper` over `lower`: a key replaces, or merges key by key where it is in `deep`; null unsets."""
    merged = dict(lower)
    for name, tree in upper.items():
        value = _merge_deep(merged.get(name), tree) if name in deep else None if is_null(tree) else tree
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def _merge_deep(lower: Tree | None, upper: Tree) -> Tree | None:
    """Merge objects at every depth; None when nothing is left to set."""
    if is_null(upper):
        return None
    if not isinstance(upper, dict):
        adds_nothing = isinstance(upper, Leaf) and upper.value == {} and isinstance(lower, dict)
        return lower if adds_nothing else upper
    merged = dict(lower) if isinstance(lower, dict) else {}
    for key, tree in upper.items():
        value = _merge_deep(merged.get(key), tree)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged or Leaf({}, {}, first_leaf(upper).provenance)

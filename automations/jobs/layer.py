"""One layer of job variables, expanded: dotted keys nested, every leaf with its origin, `env` as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from automations.jobs.finding import Finding
from automations.jobs.tree import Leaf, Steps, Tree, first_leaf, is_null, plain, pointer
from automations.model.document import JsonObject
from automations.model.job import Layer, Provenance

ENV: Final = "env"


class ExpandedLayer:
    """`variables` holds the nested values; `findings` is what contradicts itself inside of this layer.

    A dotted key sets the nested value and wins over an object beside it (`env.X` over `env: {X}`); beside
    anything that is no object it is a contradiction. Only top-level keys are dotted paths, and below `env` there
    is one level of names, so `env.a.b` sets the environment variable `a.b`.
    """

    def __init__(self, layer: Layer, name: Literal["pool", "deployment", "run"]) -> None:
        self._layer, self._name = layer, name
        self.variables: dict[str, Tree] = {}
        self.findings: list[Finding] = []
        for key in sorted(layer.values, key=lambda key: key.count(".")):
            self._place(key)
        environment = self.variables.get(ENV)
        if isinstance(environment, dict):
            self.variables[ENV] = {variable: _as_text(tree) for variable, tree in environment.items()}

    def _place(self, key: str) -> None:
        steps = _split(key)
        origin = self._layer.origins.get(key, self._layer.origin)
        tree = self._grow(self._layer.values[key], (key,), origin, self._layer.templates.get(""))
        if not all(steps):
            self.findings.append(Finding((key,), origin, "a name between dots is empty"))
            return
        *parents, last = steps
        place = self.variables
        for depth, step in enumerate(parents, 1):
            child = place.setdefault(step, {})
            if isinstance(child, Leaf) and child.value == {}:
                child = place[step] = {}
            if not isinstance(child, dict):
                above = ".".join(steps[:depth])
                self.findings.append(
                    Finding(steps, origin, f"{above!r} is set to something that is no object, in the same place")
                )
                return
            place = child
        place[last] = tree

    def _grow(self, value: Any, written: Steps, origin: str, template: str | None) -> Tree:
        """From a value at its path as written to a tree; a mark covers all that is below it."""
        at = pointer(written)
        origin = self._layer.origins.get(at, origin)
        template = self._layer.templates.get(at, template)
        if isinstance(value, Mapping) and value:
            return {key: self._grow(item, (*written, key), origin, template) for key, item in value.items()}
        if isinstance(value, list | tuple) and value:
            return [
                self._grow(item, (*written, position), origin, template) for position, item in enumerate(value)
            ]
        said = origin if template is None else f"{origin}, template {template}"
        return Leaf(value, value, Provenance(self._name, said, template))


def expanded_job_variables(values: Mapping[str, Any]) -> JsonObject:
    """Return job variables with dotted keys nested, and `env` as text."""
    return {name: plain(tree) for name, tree in ExpandedLayer(Layer(values), "deployment").variables.items()}


def _split(key: str) -> tuple[str, ...]:
    first, dot, name = key.partition(".")
    return (first, name) if dot and first == ENV else tuple(key.split("."))


def _as_text(tree: Tree) -> Leaf:
    leaf = first_leaf(tree)
    raw = plain(tree)
    return Leaf(None if is_null(tree) else env_text(raw), raw, leaf.provenance)


def env_text(value: Any) -> str:
    """Write a value as an environment variable holds it: `true`, `4`, text as it is, the rest as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

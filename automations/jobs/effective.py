"""The job variables of one run: merged, each with its provenance, judged as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import orjson

from automations.errors import JobVariableErrors
from automations.jobs.finding import Finding
from automations.jobs.layer import ENV, ExpandedLayer
from automations.jobs.merge import merge
from automations.jobs.placeholders import job_configuration, placeholders
from automations.jobs.policy import policy_findings
from automations.jobs.schema import defaults, pool_variables, properties, unknown, violations
from automations.jobs.tree import Leaf, Steps, Tree, first_leaf, leaves, plain, pointer
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, Provenance, WorkPool

MAX_TEXT: Final = 128 * 1024 - 1
"""Bytes of `NAME=value`, or of one argument, that Linux passes to a program."""


@dataclass(frozen=True, slots=True)
class EffectiveJobVariables:
    """`values` is the nested result; `provenance` has one entry per leaf of it, by JSON pointer. A leaf is a
    scalar, an empty list or an empty object.
    """

    values: JsonObject
    provenance: dict[str, Provenance]


def effective_job_variables(pool: WorkPool, deployment: Deployment | Layer, run: Layer) -> EffectiveJobVariables:
    """Merge `pool defaults ← deployment ← run` and judge the result (jobs.md sections 2 and 3).

    Raises JobVariableErrors with all findings at once; its code is `policy` when an event filled what it may not.
    """
    layers = deployment_layers(pool, deployment, run)
    variables = merged(pool, layers)
    policy = deployment.job_variable_policy if isinstance(deployment, Deployment) else {}
    findings = [
        *(
            finding
            for layer in layers
            for finding in policy_findings(layer.variables, pool_variables(pool), policy)
        ),
        *layer_findings(pool, layers, variables),
    ]
    if findings:
        code = "policy" if any(finding.code == "policy" for finding in findings) else None
        raise JobVariableErrors([str(finding) for finding in findings], code=code)
    found = leaves(variables)
    return EffectiveJobVariables(plain(variables), {pointer(steps): leaf.provenance for steps, leaf in found})


def deployment_problems(pool: WorkPool, deployment: Deployment) -> list[Finding]:
    """What no run of the deployment could mend: all findings but the required variables that a run may give."""
    layers = deployment_layers(pool, deployment, Layer())
    variables = merged(pool, layers)
    return [finding for finding in layer_findings(pool, layers, variables) if finding.origin]


def deployment_layers(pool: WorkPool, deployment: Deployment | Layer, run: Layer) -> Sequence[ExpandedLayer]:
    """Expand the three layers: pool, deployment, run."""
    pool_defaults = Layer(defaults(pool), origin=f"work pool {pool.name}")
    own = deployment.job_variables if isinstance(deployment, Deployment) else deployment
    return [ExpandedLayer(pool_defaults, "pool"), ExpandedLayer(own, "deployment"), ExpandedLayer(run, "run")]


def merged(pool: WorkPool, layers: Sequence[ExpandedLayer]) -> dict[str, Tree]:
    """Merge the layers, the later over the earlier."""
    named = {ENV: "deep", **pool.merge}
    deep = frozenset(name for name, how in named.items() if how == "deep")
    nothing: dict[str, Tree] = {}
    return reduce(lambda lower, layer: merge(lower, layer.variables, deep), layers, nothing)


def layer_findings(
    pool: WorkPool, layers: Sequence[ExpandedLayer], variables: dict[str, Tree]
) -> Iterator[Finding]:
    """Judge the layers and what they merge to, but for the policy."""
    for layer in layers:
        yield from layer.findings
    if not pool.allow_extra:
        known = {*properties(pool), *placeholders(job_configuration(pool))}
        given = {
            name: first_leaf(tree).provenance.origin for layer in layers for name, tree in layer.variables.items()
        }
        yield from unknown(given.items(), known)
    unfit = [Finding(steps, leaf.provenance.origin, rule) for steps, leaf, rule in _unfit(variables)]
    yield from unfit
    if not unfit:  # the validator cannot read text that is no Unicode
        for steps, rule in violations(pool, plain(variables)):
            yield Finding(steps, _origin(variables, steps), rule)


def _unfit(variables: dict[str, Tree]) -> Iterator[tuple[Steps, Leaf, str]]:
    """Values that no program can be given."""
    for steps, leaf in leaves(variables):
        of_env = steps[0] == ENV and len(steps) > 1
        rule = (_unfit_name(str(steps[1])) if of_env else None) or _unfit_value(
            f"{steps[1]}={leaf.value}" if of_env else leaf.value
        )
        if rule is not None:
            yield steps, leaf, rule


def _unfit_name(name: str) -> str | None:
    return (
        None if name and "=" not in name else "the name of an environment variable is not empty and holds no '='"
    )


def _unfit_value(value: object) -> str | None:
    try:
        orjson.dumps(value)
    except TypeError as error:  # a lone surrogate, an integer beyond 64 bits
        return f"the value is no JSON: {error}"
    if not isinstance(value, str):
        return None
    if "\0" in value:
        return "the text holds a NUL character"
    size = len(value.encode())
    return f"the text is {size} bytes long; at most {MAX_TEXT} fit" if size > MAX_TEXT else None


def _origin(variables: dict[str, Tree], steps: Steps) -> str:
    """Who gave the value at a path; '' for one that nobody gave."""
    tree: Tree = variables
    for step in steps:
        if isinstance(tree, Leaf) or (isinstance(tree, dict) and step not in tree):
            return ""
        tree = tree[step]  # type: ignore[index]
    return first_leaf(tree).provenance.origin if tree else ""

"""What can be said of a rule's job variables before any event comes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from automations.jobs.effective import deployment_layers, layer_findings, merged
from automations.jobs.finding import Finding
from automations.jobs.policy import closed_to_events
from automations.jobs.schema import pool_variables
from automations.jobs.tree import leaves, pointer
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, WorkPool

_RULE: Final = "the rule"
_GONE: Final = object()


def never_passes(
    pool: WorkPool, deployment: Deployment, job_variables: JsonObject, templated: Collection[str]
) -> list[Finding]:
    """Return what makes every run with these job variables fail, whatever the events hold; none: some may pass.

    `templated` are the JSON pointers of the values that templates fill. Two kinds of mistakes are certain: what
    the author wrote breaks the schema, and a template fills what no event may fill.
    """
    marked = Layer(job_variables, origin=_RULE, templates=dict.fromkeys(templated, ""))
    layer = deployment_layers(pool, deployment, marked)[-1]
    found = list(layer.findings)
    for name, tree in layer.variables.items():
        for steps, leaf in leaves(tree, (name,)):
            reason = closed_to_events(steps, pool_variables(pool), deployment.job_variable_policy)
            if leaf.provenance.template is not None and reason is not None:
                found.append(Finding(steps, _RULE, reason, code="policy"))
    written = _without(job_variables, frozenset(templated))
    layers = deployment_layers(pool, deployment, Layer({} if written is _GONE else written, origin=_RULE))
    found += [f for f in layer_findings(pool, layers, merged(pool, layers)) if f.origin == _RULE]
    return list(dict.fromkeys(found))


def _without(value: Any, templated: frozenset[str], at: str = "") -> Any:
    """The value without what templates fill; containers that this empties go, too."""
    if at in templated:
        return _GONE
    if isinstance(value, dict):
        kept = {key: _without(item, templated, f"{at}{pointer((key,))}") for key, item in value.items()}
        left = {key: item for key, item in kept.items() if item is not _GONE}
        return left if left or not value else _GONE
    if isinstance(value, list):
        items = [_without(item, templated, f"{at}/{position}") for position, item in enumerate(value)]
        return _GONE if any(item is _GONE for item in items) else items
    return value

"""What Prefect's file may hold beyond what is read here: taken out, each with a note or an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from automations.errors import Problem
from automations.model.document import JsonObject
from automations.rulefiles import Document

Path = tuple[str | int, ...]

SECTIONS: Final = ("deployments", "work_pools", "pull")
_ANCHORS: Final = "definitions"
IGNORED_KEYS: Final = frozenset(
    {"build", "push", "prefect-version", "concurrency_limit", "enforce_parameter_schema"}
)


def without_prefect_keys(document: Document) -> tuple[Document, list[Problem]]:
    """Return the document with its sections only, and without the keys that say nothing: Prefect writes
    `version: null`, `pull: null` and the like for what is not set.
    """
    if not isinstance(document.data, dict):
        message = "a deployment file is a mapping with 'deployments' and 'work_pools'"
        return replace(document, data={}), [Problem("wrong-type", message, document.location())]
    problems: list[Problem] = []
    data = _without(document, document.data, (), problems, also={"name"})
    data.pop(_ANCHORS, None)
    deployments = data.get("deployments")
    if isinstance(deployments, list):
        data["deployments"] = [
            deployment_entry(document, entry, ("deployments", position), problems)
            for position, entry in enumerate(deployments)
        ]
    return replace(document, data=data), problems


def deployment_entry(document: Document, entry: Any, path: Path, problems: list[Problem]) -> Any:
    """Return one entry of `deployments` likewise."""
    if not isinstance(entry, dict):
        return entry
    kept = _without(document, entry, path, problems)
    if isinstance(kept.get("work_pool"), dict):
        kept["work_pool"] = _set(kept["work_pool"])
    return kept


def _without(
    document: Document, data: JsonObject, path: Path, problems: list[Problem], also: set[str] | None = None
) -> JsonObject:
    kept: JsonObject = {}
    for key, value in _set(data).items():
        where = document.location((*path, key), key=True)
        if key in IGNORED_KEYS or key in (also or ()):
            problems.append(Problem("ignored-key", f"{key!r} means nothing here", where, severity="warning"))
        else:
            kept[key] = value
    return kept


def _set(data: JsonObject) -> JsonObject:
    return {key: value for key, value in data.items() if value is not None}

"""A pool's `job_configuration` with its placeholders filled (jobs.md section 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from automations.jobs.layer import ENV, env_text
from automations.jobs.schema import PROCESS_VARIABLES, properties
from automations.model.document import JsonObject
from automations.model.job import WorkPool

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*\}\}", re.ASCII)
_CONTEXT: Final = "ctx"
_ABSENT: Final = object()


def job_configuration(pool: WorkPool) -> JsonObject:
    """The pool's own template of a job; that of a `process` pool without one is each variable it knows."""
    if pool.job_configuration or pool.type != "process":
        return pool.job_configuration
    known = properties(pool)
    return {name: f"{{{{ {name} }}}}" for name in PROCESS_VARIABLES["properties"] if name in known}


def placeholders(value: Any) -> Iterator[str]:
    """The variables that a template of a job reads."""
    if isinstance(value, str):
        names = (found[1].split(".")[0] for found in _PLACEHOLDER.finditer(value))
        yield from (name for name in names if name != _CONTEXT)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from placeholders(item)


def fill(configuration: JsonObject, variables: JsonObject, context: Mapping[str, Any]) -> JsonObject:
    """Fill every placeholder, in one pass: what a variable or `ctx` holds is data and is never filled again.

    A lone placeholder keeps its value's type, inside text the value is written as an environment variable would
    be. What has no value takes its key or list item away. `env` is text throughout.
    """
    filled = _fill(configuration, {**variables, _CONTEXT: context})
    job: JsonObject = {} if filled is _ABSENT else filled
    if isinstance(job.get(ENV), dict):
        job[ENV] = {name: env_text(value) for name, value in job[ENV].items() if value is not None}
    return job


def _fill(value: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _fill_text(value, names)
    if isinstance(value, dict):
        pairs = ((key, _fill(item, names)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _ABSENT}
    if isinstance(value, list):
        return [item for item in (_fill(item, names) for item in value) if item is not _ABSENT]
    return value


def _fill_text(text: str, names: Mapping[str, Any]) -> Any:
    lone = _PLACEHOLDER.fullmatch(text.strip())
    if lone is not None:
        return _look_up(lone[1], names)
    found = {match[1]: _look_up(match[1], names) for match in _PLACEHOLDER.finditer(text)}
    if any(value is _ABSENT for value in found.values()):
        return _ABSENT
    return _PLACEHOLDER.sub(lambda match: env_text(found[match[1]]), text)


def _look_up(path: str, names: Mapping[str, Any]) -> Any:
    value: Any = names
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return _ABSENT
        value = value[step]
    return value

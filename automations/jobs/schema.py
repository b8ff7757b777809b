"""A work pool's schema: which variables there are, their defaults, and validation of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import orjson
from rapidfuzz import process

from automations.jobs.finding import Finding
from automations.jobs.layer import ENV
from automations.jobs.tree import Steps
from automations.model.document import JsonObject
from automations.model.job import WorkPool

PROCESS_VARIABLES: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "env": {
            "type": "object",
            "description": "Environment variables of the run",
            "additionalProperties": {"type": "string"},
            "default": {},
        },
        "command": {
            "type": "string",
            "minLength": 1,
            "description": "A shell command to run in place of the entrypoint; it reads the parameters, as JSON, "
            "from its standard input",
        },
        "working_dir": {
            "type": "string",
            "minLength": 1,
            "description": "Where the run starts; relative to, and by default, the folder of the deployment file",
        },
        "python": {
            "type": "string",
            "minLength": 1,
            "description": "The Python interpreter; the engine's own by default",
        },
        "timeout": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 31_536_000,
            "description": "Seconds after which the run is ended and counts as failed",
        },
        "stream_output": {
            "type": "boolean",
            "default": True,
            "description": "Keep what the run writes as its log",
        },
    },
}
"""The variables of a `process` pool that declares none of its own."""

_LONGEST_RULE: Final = 300
_PATTERNS: Final = jsonschema_rs.RegexOptions()


def pool_variables(pool: WorkPool) -> JsonObject:
    """The JSON Schema of a pool's variables: its own, else that of its type."""
    return PROCESS_VARIABLES if pool.type == "process" and not pool.variables else pool.variables


def properties(pool: WorkPool) -> JsonObject:
    """Variable → schema."""
    found: JsonObject = pool_variables(pool).get("properties", {})
    return found


def defaults(pool: WorkPool) -> JsonObject:
    """Variable → default, of those that have one."""
    return {name: schema["default"] for name, schema in properties(pool).items() if "default" in _object(schema)}


def _object(schema: Any) -> JsonObject:
    return schema if isinstance(schema, dict) else {}  # JSON Schema's `true` and `false` have no keywords


def schema_problem(variables: JsonObject) -> tuple[Steps, str] | None:
    """What is wrong with a schema itself, (path in it, reason); patterns must be matched in linear time."""
    try:
        _compiled(orjson.dumps(variables))
    except jsonschema_rs.ValidationError as error:
        return tuple(error.instance_path), _short(error.message)
    except ValueError as error:  # a reference that leads nowhere
        return (), _short(str(error))
    return None


@lru_cache(maxsize=256)
def _compiled(schema: bytes) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(orjson.loads(schema), pattern_options=_PATTERNS)


def violations(pool: WorkPool, values: JsonObject) -> Iterator[tuple[Steps, str]]:
    """Every (path, broken rule) of the effective values; a missing variable is reported at its own path."""
    for error in _compiled(orjson.dumps(pool_variables(pool))).iter_errors(values):
        steps: Steps = tuple(error.instance_path)
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
            yield (*steps, error.kind.property), "it is required, and no layer gives it"
        else:
            yield steps, _short(error.message)


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST_RULE else f"{message[:_LONGEST_RULE]}..."


def unknown_variable(name: str, known: Iterable[str]) -> str:
    """Say that a variable is unknown, with the nearest one that is meant."""
    known = sorted(known)
    meant = _meant(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known) or 'none'}"
    return f"the work pool has no such variable, and the run would ignore it; {hint}"


def _meant(name: str, known: list[str]) -> str | None:
    if name.lower() in known:
        return name.lower()
    if ENV in known and name.isupper():
        return f"{ENV}.{name}"
    found = process.extractOne(name, known, score_cutoff=60)
    return found[0] if found else None


def unknown(names: Iterable[tuple[str, str]], known: set[str]) -> list[Finding]:
    """A finding for each (variable, origin) that is not known."""
    return [Finding((name,), origin, unknown_variable(name, known)) for name, origin in names if name not in known]

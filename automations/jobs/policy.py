"""What event data may fill (jobs.md section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

import orjson
import re2

from automations.errors import AutomationsError
from automations.jobs.finding import Finding
from automations.jobs.layer import ENV
from automations.jobs.tree import Leaf, Steps, Tree, dotted, leaves
from automations.model.document import JsonObject

_NEVER: Final = (
    "PATH", "LD_*", "DYLD_*", "PYTHON*", "BASH_ENV", "ENV", "BASH_FUNC_*", "IFS", "GIT_*", "NODE_OPTIONS",
    "PERL5*", "RUBY*", "JAVA_TOOL_OPTIONS", "*_PROXY", "SSL_*",
    # the same by other names
    "PERLLIB", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "SHELLOPTS", "BASHOPTS", "PS4", "GCONV_PATH", "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE", "AUTOMATIONS_*",
)  # fmt: skip
"""Environment variables that change how programs load or run, or what they trust."""

_HARMLESS: Final = frozenset({"integer", "number", "boolean", "null"})
_BY_NAME: Final = "an event may fill environment variables by name only"
_NEVER_FILLED: Final = "an event may never fill this environment variable: it changes how programs load or run"
_INSIDE: Final = 16
"""How many references and alternatives deep a schema is looked into."""


def never_from_events(variable: str) -> bool:
    """True for an environment variable that no policy can open to events; case does not matter."""
    return any(fnmatchcase(variable.upper(), name) for name in _NEVER)


def policy_findings(
    variables: Mapping[str, Tree], schema: JsonObject, policy: Mapping[str, JsonObject]
) -> Iterator[Finding]:
    """Judge every leaf that an event filled; those that it only unsets, too."""
    for name, tree in variables.items():
        for steps, leaf in leaves(tree, (name,)):
            if leaf.provenance.template is not None:
                reason = _refusal(steps, leaf, schema, policy)
                if reason is not None:
                    yield Finding(steps, leaf.provenance.origin, reason, code="policy")


def _refusal(steps: Steps, leaf: Leaf, schema: JsonObject, policy: Mapping[str, JsonObject]) -> str | None:
    if steps[0] == ENV:
        return _env_refusal(steps, leaf, policy)
    found = _entry(steps, policy)
    if found is not None:
        return _entry_refusal(*found, leaf)
    inside = _at(schema, steps, schema)
    if _bounded_by_schema(inside, leaf.value, schema, _INSIDE):
        return None
    return _closed(steps)


def closed_to_events(steps: Steps, schema: JsonObject, policy: Mapping[str, JsonObject]) -> str | None:
    """Return why no value that an event gives may fill a variable; None where some may."""
    if steps[0] == ENV:
        if len(steps) == 1:
            return _BY_NAME
        return _NEVER_FILLED if never_from_events(str(steps[1])) else None
    if _entry(steps, policy) is not None:
        return None
    inside = _at(schema, steps, schema)
    return None if any(_bounded_by_schema(inside, value, schema, _INSIDE) for value in ("", 0)) else _closed(steps)


def _closed(steps: Steps) -> str:
    return (
        "an event may not fill this variable; to allow it, name it in the deployment's 'job_variable_policy' "
        f"with an enum, a pattern, a range or any: true, such as {dotted(steps)}: {{enum: [...]}}"
    )


def _env_refusal(steps: Steps, leaf: Leaf, policy: Mapping[str, JsonObject]) -> str | None:
    if len(steps) == 1:
        return None if leaf.value == {} else _BY_NAME
    if never_from_events(str(steps[1])):
        return _NEVER_FILLED
    found = _entry(steps, policy)
    return None if found is None else _entry_refusal(*found, leaf)


def _entry(steps: Steps, policy: Mapping[str, JsonObject]) -> tuple[JsonObject, Steps] | None:
    """The entry that names the variable most exactly, and the path from there to the leaf."""
    for end in range(len(steps), 0, -1):
        entry = policy.get(dotted(steps[:end]))
        if entry is not None:
            return entry, steps[end:]
    return None


def _entry_refusal(entry: JsonObject, rest: Steps, leaf: Leaf) -> str | None:
    """Items of a list are judged one by one; inside of an object only `any` opens what the event names."""
    if entry.get("any") is True:
        return None
    listed = all(isinstance(step, int) for step in rest)
    if listed and (_allows(entry, leaf.value) or _allows(entry, leaf.raw)):
        return None
    return f"the event's value is not one that the deployment's policy allows: {orjson.dumps(entry).decode()}"


def _allows(entry: JsonObject, value: Any) -> bool:
    if "enum" in entry:
        return any(_equal(value, allowed) for allowed in entry["enum"])
    if "pattern" in entry:
        return isinstance(value, str) and policy_pattern(entry["pattern"]).fullmatch(value) is not None
    if "range" in entry:
        low, high = entry["range"]
        return _is_number(value) and low <= value <= high
    return False


def _equal(value: Any, allowed: Any) -> bool:
    """JSON's equality: 1 is 1.0, true is not 1."""
    if _is_number(value) and _is_number(allowed):
        return bool(value == allowed)
    return type(value) is type(allowed) and bool(value == allowed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@lru_cache(maxsize=1024)
def policy_pattern(source: str) -> Any:
    """Compile a policy's pattern (RE2); AutomationsError `bad-pattern`."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise AutomationsError(f"the pattern is no RE2: {said}", code="bad-pattern") from None


def _at(schema: Any, steps: Steps, root: JsonObject) -> Any:
    """The schema of the value at a path, or None."""
    for step in steps:
        schema = _resolved(schema, root)
        if not isinstance(schema, dict):
            return None
        schema = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
    return schema


def _resolved(schema: Any, root: JsonObject) -> Any:
    """Follow references inside the document, `#/definitions/x`."""
    for _ in range(_INSIDE):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            schema = schema.get(key) if isinstance(schema, dict) else None
    return None


def _bounded_by_schema(schema: Any, value: Any, root: JsonObject, depth: int) -> bool:
    """True when the schema itself leaves an event nothing but harmless values (validation enforces it)."""
    schema = _resolved(schema, root)
    if not isinstance(schema, dict) or depth == 0:
        return False
    listed = "enum" in schema or "const" in schema
    if listed and value is not None:  # an event's null unsets what the author set, and no schema sees that
        return True
    if ("pattern" in schema and isinstance(value, str)) or _harmless(schema):
        return True
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if parts and all(_bounded_by_schema(part, value, root, depth - 1) for part in parts):
            return True
    return any(_bounded_by_schema(part, value, root, depth - 1) for part in schema.get("allOf", ()))


def _harmless(schema: JsonObject) -> bool:
    kinds = schema.get("type")
    return kinds is not None and _HARMLESS.issuperset([kinds] if isinstance(kinds, str) else kinds)

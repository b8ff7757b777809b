"""The JSON Schema (2020-12) of rule files and of test files: what they may hold, for editors.

It tells the structure. What a template, a pattern or a window means is the loader's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from automations.model.automation import Automation
from automations.model.document import JsonObject
from automations.model.moment import format_duration, format_moment
from automations.model.rule_test import RuleTestFile
from automations.rulefiles.pattern_schema import PATTERN_DEFINITIONS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_UUID: Final = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_EXPORTED_ID: Final[JsonObject] = {
    "type": "string",
    "pattern": _UUID,
    "description": "Of Prefect's export: ignored",
}
_EXPORTED_TIME: Final[JsonObject] = {"type": "string", "description": "Of Prefect's export: ignored"}
_FILTERING: Final = ("EventTrigger", "MetricTrigger")
_TRIGGERS: Final = (*_FILTERING, "CompoundTrigger", "SequenceTrigger", "ScheduleTrigger")


def rules_schema() -> JsonObject:
    """Return the schema of one document of a rule file: an automation, a list, or `{automations: [...]}`."""
    definitions = model_definitions(Automation)
    definitions["Automation"]["properties"] |= {
        "id": _EXPORTED_ID,
        "created": _EXPORTED_TIME,
        "updated": _EXPORTED_TIME,
    }
    for name in _TRIGGERS:
        definitions[name]["properties"]["id"] = _EXPORTED_ID
    for name in _FILTERING:
        definitions[name]["properties"]["match_payload"] = {
            "anyOf": [{"$ref": "#/$defs/PayloadPattern"}, {"type": "null"}]
        }
    definitions |= PATTERN_DEFINITIONS
    one: JsonObject = {"$ref": "#/$defs/Automation"}
    several: JsonObject = {"anyOf": [one, {"type": "array", "items": one}]}
    wrapped: JsonObject = {
        "type": "object",
        "properties": {"automations": several},
        "required": ["automations"],
        "additionalProperties": False,
    }
    return file_schema("Automations", {"anyOf": [*several["anyOf"], wrapped]}, definitions)


def rule_tests_schema() -> JsonObject:
    """Return the schema of one document of a test file."""
    return file_schema("Rule tests", {"$ref": "#/$defs/RuleTestFile"}, model_definitions(RuleTestFile))


def file_schema(title: str, body: JsonObject, definitions: Mapping[str, Any]) -> JsonObject:
    """Return a whole schema. An empty document is a file without content."""
    either = {"anyOf": [body, {"type": "null"}]}
    return {"$schema": DIALECT, "title": title, **either, "$defs": dict(sorted(definitions.items()))}


def model_definitions(model: type[BaseModel]) -> dict[str, Any]:
    """Return the definitions of a model and of all that it holds, by their names."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    if "$ref" not in schema:
        definitions[model.__name__] = schema
    return {name: _adapted(definition) for name, definition in definitions.items()}


def _adapted(value: Any) -> Any:
    """Say it for editors: one document may pass as two types of trigger, defaults stand as users write them, and
    what the name says already is left out.
    """
    if isinstance(value, list):
        return [_adapted(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {_KEYWORDS.get(key, key): _adapted(item) for key, item in value.items() if not _is_noise(key, item)}
    if type(kept.get("default")) is int and kept.get("type") != "integer":
        written = format_moment if kept.get("format") == "date-time" else format_duration
        kept["default"] = written(kept["default"])
    return kept


_KEYWORDS: Final = {"oneOf": "anyOf"}


def _is_noise(key: str, item: Any) -> bool:
    if key == "default":
        return item in (None, "", [], {})
    return (key == "title" and isinstance(item, str)) or key == "discriminator"

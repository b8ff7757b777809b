"""The JSON Schemas that the package ships, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.deploy.document import DeploymentDocument, WorkPoolDocument
from automations.deploy.prefect_keys import IGNORED_KEYS
from automations.model.document import JsonObject
from automations.rulefiles import file_schema, model_definitions, rule_tests_schema, rules_schema
from automations.rulefiles.schema import DIALECT
from automations.sinks.action_message import ActionMessage

_IGNORED: Final[JsonObject] = {"description": "Of Prefect's file: it means nothing here"}


def deployments_schema() -> JsonObject:
    """Return the schema of a deployment file. What Prefect writes for 'not set' is null."""
    definitions = model_definitions(DeploymentDocument) | model_definitions(WorkPoolDocument)
    for name in ("DeploymentDocument", "WorkPoolReference"):
        definitions[name] = _nullable(definitions[name])
    definitions["DeploymentDocument"]["properties"] |= _prefect_keys()
    body = _nullable(
        {
            "type": "object",
            "properties": {
                "deployments": _list_of("DeploymentDocument"),
                "work_pools": _list_of("WorkPoolDocument"),
                "pull": {"type": "array", "items": {"type": "object"}},
            },
            "additionalProperties": False,
        }
    )
    body["properties"] |= {"name": _IGNORED, "definitions": {"description": "Anchors"}, **_prefect_keys()}
    return file_schema("Deployments", body, definitions)


def actions_schema() -> JsonObject:
    """Return the schema of what the Kafka sink writes."""
    body = {"$ref": "#/$defs/ActionMessage"}
    return {"$schema": DIALECT, "title": "Actions on Kafka", **body, "$defs": model_definitions(ActionMessage)}


SCHEMAS: Final[Mapping[str, Callable[[], JsonObject]]] = {
    "rules": rules_schema,
    "deployments": deployments_schema,
    "tests": rule_tests_schema,
    "actions": actions_schema,
}
"""The kinds of file, and the records of the Kafka sink, each with what makes its schema."""


def _prefect_keys() -> JsonObject:
    return dict.fromkeys(sorted(IGNORED_KEYS), _IGNORED)


def _list_of(name: str) -> JsonObject:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


def _nullable(definition: Any) -> JsonObject:
    required = definition.get("required", ())
    properties = {
        name: schema if name in required else {"anyOf": [schema, {"type": "null"}]}
        for name, schema in definition["properties"].items()
    }
    return {**definition, "properties": properties}

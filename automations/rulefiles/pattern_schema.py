"""The JSON Schema of payload patterns (rules.md section 5): their structure, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automations.model.document import JsonObject

_TEXT: Final[JsonObject] = {"type": "string"}
_AFFIX: Final[JsonObject] = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {"equals-ignore-case": _TEXT},
            "required": ["equals-ignore-case"],
            "additionalProperties": False,
        },
    ]
}
_TESTS: Final[Mapping[str, JsonObject]] = {
    "anything-but": {"type": ["string", "number", "array", "object"]},
    "cidr": _TEXT,
    "equals-ignore-case": _TEXT,
    "exactly": _TEXT,
    "exists": {"type": "boolean"},
    "numeric": {"type": "array", "minItems": 2, "maxItems": 4},
    "prefix": _AFFIX,
    "suffix": _AFFIX,
    "wildcard": _TEXT,
}
_FIELD: Final[JsonObject] = {
    "anyOf": [{"$ref": "#/$defs/PayloadPattern"}, {"$ref": "#/$defs/PayloadAlternatives"}]
}

PATTERN_DEFINITIONS: Final[Mapping[str, JsonObject]] = {
    "PayloadPattern": {
        "description": "Fields of the payload: all have to match",
        "type": "object",
        "minProperties": 1,
        "properties": {
            "$or": {
                "anyOf": [_FIELD, {"type": "array", "items": {"$ref": "#/$defs/PayloadPattern"}, "minItems": 2}]
            }
        },
        "additionalProperties": _FIELD,
    },
    "PayloadAlternatives": {
        "description": "Alternatives for one field: values, and tests of one key",
        "type": "array",
        "minItems": 1,
        "items": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {
                    "type": "object",
                    "properties": _TESTS,
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        },
    },
}

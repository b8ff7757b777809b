"""What is written by hand in the API's description: bodies that we read ourselves, and the two doors."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from automations.model.document import JsonObject

_LABELS: Final = {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 500}
_EVENT: Final = {
    "type": "object",
    "required": ["event", "resource"],
    "additionalProperties": False,
    "properties": {
        "event": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "The event's name"},
        "id": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": 1024,
            "description": "Two events with one source and id are one event; made when left out",
        },
        "occurred": {"type": ["string", "null"], "format": "date-time", "description": "Default: now"},
        "resource": {
            **_LABELS,
            "description": "Labels; `id` (prefect.resource.id) is required",
        },
        "related": {
            "type": ["array", "null"],
            "maxItems": 100,
            "items": {**_LABELS, "description": "Labels; `role` is required"},
        },
        "payload": {"type": ["object", "null"]},
        "follows": {"type": ["string", "null"], "description": "The event that caused this one"},
        "source": {"description": "Ignored: the door sets it"},
        "received": {"description": "Ignored: the door sets it"},
        "hops": {"description": "Ignored: the door sets it"},
    },
}
_CLOUD_EVENT: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {"specversion": {"const": "1.0"}},
}
_ANSWER: Final = {
    "type": "object",
    "required": ["accepted", "duplicates", "refused", "ids"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "refused": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "code", "detail"],
                "properties": {
                    "index": {"type": "integer"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "ids": {"type": "array", "items": {"type": ["string", "null"]}},
        "skipped": {"type": "integer", "description": "Dropped by the mapping's `skip`"},
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
    },
}
_PROBLEM_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_DOOR_PROBLEMS: Final = {
    "400": "This is no JSON",
    "401": "The key or the source's authentication is missing or wrong",
    "413": "The body or the batch is too large",
    "415": "The content type is not read here",
    "422": "No event of the request can be accepted",
    "429": "Too much is waiting; Retry-After says when to come again",
    "503": "The store cannot be written; Retry-After says when to come again",
}


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a JSON body that the route reads by itself."""
    return {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}


def install_openapi(app: FastAPI) -> None:
    """Have the app describe all of its calls, the doors too."""

    def openapi() -> JsonObject:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _describe(app: FastAPI) -> JsonObject:
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
    _describe_problems(schema)
    batch = {"oneOf": [_EVENT, {"type": "array", "items": _EVENT, "maxItems": 500}]}
    content = {
        "application/json": batch,
        "application/cloudevents+json": _CLOUD_EVENT,
        "application/cloudevents-batch+json": {"type": "array", "items": _CLOUD_EVENT, "maxItems": 500},
    }
    source = {"name": "source", "in": "path", "required": True, "schema": {"type": "string"}}
    events = _door("Send events", "Answers for each input, once what was accepted is durable.", content)
    hook = _door("A source's webhook", "The body as the source sends it.", {"application/json": {}})
    schema["paths"].setdefault("/api/events", {})["post"] = events
    schema["paths"]["/hooks/{source}"] = {"post": {**hook, "parameters": [source]}}
    return schema


def _describe_problems(schema: JsonObject) -> None:
    """Every error of every call is a problem document, also where FastAPI would describe its own form."""
    components = schema["components"]["schemas"]
    for own in ("HTTPValidationError", "ValidationError"):
        components.pop(own, None)
    components["Problem"] = _PROBLEM
    for calls in schema["paths"].values():
        for call in calls.values():
            call["responses"].pop("422", None)
            call["responses"]["default"] = {"description": "A problem (RFC 9457)", "content": _PROBLEM_CONTENT}


def _door(summary: str, description: str, content: JsonObject) -> JsonObject:
    responses = {
        "202": {"description": "Accepted, item by item", "content": {"application/json": {"schema": _ANSWER}}},
        **{status: {"description": text, "content": _PROBLEM_CONTENT} for status, text in _DOOR_PROBLEMS.items()},
    }
    return {
        "summary": summary,
        "description": description,
        "tags": ["doors"],
        "requestBody": {"required": True, "content": {kind: {"schema": s} for kind, s in content.items()}},
        "responses": responses,
    }

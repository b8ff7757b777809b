from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.model.job import Deployment, Layer, WorkPool

VARIABLES = {
    "type": "object",
    "properties": {
        "env": {"type": "object", "additionalProperties": {"type": "string"}, "default": {"REGION": "us", "A": 1}},
        "image": {"type": "string", "default": "app:1"},
        "cpu": {"anyOf": [{"type": "integer", "maximum": 8}, {"type": "null"}], "default": None},
        "size": {"$ref": "#/definitions/Size"},
        "tag": {"type": "string", "pattern": "^[a-z]+$"},
        "debug": {"type": "boolean", "default": False},
        "labels": {"type": "object"},
        "resources": {"type": "object", "properties": {"limits": {"type": "object"}, "gpus": {"type": "integer"}}},
        "args": {"type": "array", "items": {"type": "string"}},
        "levels": {"type": "array", "items": {"enum": [1, 2]}},
    },
    "definitions": {"Size": {"enum": ["s", "m", "l"]}},
}


@pytest.fixture
def pool() -> Callable[..., WorkPool]:
    def make(**changes: Any) -> WorkPool:
        return WorkPool(**{"name": "big", "variables": VARIABLES, **changes})

    return make


@pytest.fixture
def deployment() -> Callable[..., Deployment]:
    def make(job_variables: dict[str, Any] | None = None, **changes: Any) -> Deployment:
        layer = Layer(job_variables or {}, origin="deployments.yaml")
        fields: dict[str, Any] = {
            "flow": "etl", "short_name": "daily", "entrypoint": "flows.py:etl", "work_pool": "big",
            "directory": "/srv", "job_variables": layer,
        }  # fmt: skip
        return Deployment(**{**fields, **changes})

    return make

"""One context for all tests of templates: plain data, as the engine hands it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.templating import compile_template

Render = Callable[..., Any]


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    return {
        "event": {
            "name": "order.failed",
            "occurred": "2026-03-01T00:30:00Z",
            "resource": {"id": "order.1", "x.y": "dotted"},
            "payload": {
                "cpu": 4,
                "sha": "12345e7",
                "hex": "0x10",
                "listy": "[1]",
                "no": "no",
                "on": True,
                "nothing": None,
                "items": [3, 1, 2],
                "people": [{"n": "ann", "age": 30}, {"n": "Bob", "age": 20, "boss": "ann"}],
                "text": "Hello big  World",
                "empty": "",
                "ratio": 2.5,
            },
        },
        "labels": {"customer": "acme"},
        "count": 3,
    }


@pytest.fixture(scope="session")
def render(context: dict[str, Any]) -> Render:
    def rendered(source: str, **more: Any) -> Any:
        return compile_template(source).render({**context, **more})

    return rendered

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.model.event import Event
from automations.model.moment import SECOND


def make_event(name: str = "order.failed", at: float = 0, **changes: Any) -> Event:
    moment = round(at * SECOND) + 1_700_000_000 * SECOND
    fields: dict[str, Any] = {
        "source": "test",
        "id": f"{name}-{at}",
        "name": name,
        "occurred": moment,
        "received": moment,
        "resource": {"prefect.resource.id": "order.1"},
        "related": [],
        "payload": {},
    }
    return Event(**{**fields, **changes})


@pytest.fixture
def event() -> Callable[..., Event]:
    return make_event

"""Small things to store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from automations.model.action import ActionRequest, FailedAction
from automations.model.event import Event
from automations.model.job import RunSpec
from automations.ports import Transaction

NOW = 1_700_000_000_000_000


class ManualClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> int:
        return self.moment


def event(identity: str, source: str = "test", **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "source": source,
        "id": identity,
        "name": "order.failed",
        "occurred": NOW,
        "received": NOW,
        "resource": {"prefect.resource.id": "order.1"},
        "related": [],
        "payload": {"n": identity},
    }
    return Event(**{**fields, **changes})


def add(*events: Event) -> Callable[[Transaction], None]:
    return lambda tx: tx.add_events(events, [orjson.dumps(e.to_dict()) for e in events], [None] * len(events))


def action(identity: str, **changes: Any) -> ActionRequest:
    fields: dict[str, Any] = {"firing": "f", "automation": "rule", "body": {"url": "https://x.example"}}
    fixed: dict[str, Any] = {"id": identity, "type": "call-webhook", "list": "actions", "index": 0}
    return ActionRequest(**{**fields, **fixed, **changes})


def failed(identity: str, **changes: Any) -> FailedAction:
    fields: dict[str, Any] = {"firing": "f", "automation": "rule", "message": "'x' is undefined"}
    fixed: dict[str, Any] = {"id": identity, "type": "call-webhook", "list": "actions", "index": 0}
    return FailedAction(**{**fields, **fixed, "code": "undefined", **changes})


def run(identity: str, **changes: Any) -> RunSpec:
    fields: dict[str, Any] = {"name": f"run-{identity}", "deployment": "a/b", "work_pool": "local"}
    empty: dict[str, Any] = {"parameters": {}, "job_variables": {}, "provenance": {}, "job": {}}
    return RunSpec(**{"id": identity, **fields, **empty, "entrypoint": "x.py:f", "directory": ".", **changes})

"""A thousand rules, and events of one kilobyte of which one in ten fires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from speed.workload import WORKLOADS

RULES: Final = 1_000
_RULES_IN_A_FILE: Final = 100
Kind = Literal["immediate", "windowed"]
KINDS: Final[tuple[Kind, ...]] = ("immediate", "windowed")
_FILLING: Final = "a note that nobody reads, as there are in real events; " * 8
_VARIABLES: Final = {
    "timeout": "{{ event.payload.minutes * 60 }}",
    "env.ORDER": "{{ event.payload.order }}",
    "env.TITLE": "order {{ event.payload.order }} of {{ event.resource.customer }}",
}


def write_rules(folder: Path, kind: Kind) -> Path:
    """Write the rules; each concerns the events of one team."""
    folder.mkdir(parents=True)
    for first in range(0, RULES, _RULES_IN_A_FILE):
        rules = [_rule(number, kind) for number in range(first, first + _RULES_IN_A_FILE)]
        (folder / f"{first}.json").write_text(json.dumps(rules))
    return folder


def _rule(number: int, kind: Kind) -> dict[str, Any]:
    window = {"threshold": 2, "within": "1h", "for_each": "customer"} if kind == "windowed" else {}
    trigger = {"expect": "order.failed", "match": {"team": f"team-{number}"}, **window}
    variables = {**_VARIABLES, "env.RULE": f"{number} of {{{{ event.resource.team }}}}"}
    action = {"type": "run-deployment", "deployment": "work/nothing", "job_variables": variables}
    return {"name": f"rule-{number}", "trigger": trigger, "actions": [action]}


def events(number: int, kind: Kind, begin: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values, as any producer writes them. One in ten fires: at once, or, windowed, as the second of its
    group, so that one in five reaches a window.
    """
    made = WORKLOADS["tenth"]
    for n in range(begin, begin + number):
        event = made.event(n, "b")
        if kind == "windowed":
            team = f"team-{n // 10 % RULES}" if n % 10 < 2 else f"guest-{n}"
            event["resource"] |= {"team": team, "customer": f"customer-{n // 10}"}
        event["payload"]["filling"] = _FILLING
        yield event["resource"]["id"].encode(), json.dumps(event).encode()


def group_events(number: int) -> Iterator[tuple[bytes, bytes]]:
    """Events that each open a group of their own, for one rule."""
    for n in range(number):
        resource = {"id": f"order.{n}", "team": "team-0", "customer": f"customer-{n}"}
        event = {
            "event": "order.failed",
            "id": f"g-{n}",
            "resource": resource,
            "payload": {"order": n, "minutes": 5},
        }
        yield f"order.{n}".encode(), json.dumps(event).encode()

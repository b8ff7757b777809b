"""What is measured: a thousand rules, and events of which some or all fire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RULES: Final = 1_000
_RULES_IN_A_FILE: Final = 100
_NOTE: Final = "left at the gate, to be called for by the customer before the end of the week; " * 3

_ACTION: Final = {
    "type": "run-deployment",
    "deployment": "work/nothing",
    "job_variables": {
        "timeout": "{{ event.payload.minutes * 60 }}",
        "env.CUSTOMER": "{{ event.resource.customer }}",
        "env.ORDER": "{{ event.payload.order }}",
        "env.AMOUNT": "{{ event.payload.amount }}",
        "env.ITEMS": "{{ event.payload.items }}",
        "env.TITLE": "order {{ event.payload.order }} of {{ event.resource.customer }}",
    },
}
_DEPLOYMENTS: Final = {
    "work_pools": [{"name": "waiting", "type": "process", "paused": True}],
    "deployments": [{"name": "nothing", "entrypoint": "work.py:work", "work_pool": {"name": "waiting"}}],
}


@dataclass(frozen=True)
class Workload:
    """`fires_one_in` tells how many events fire: each one in 1, one in ten in 10."""

    name: str
    fires_one_in: int

    def event(self, number: int, run: str) -> dict[str, Any]:
        """Return one event of 450 to 700 bytes. Those that fire reach one of the rules each, in turn."""
        fires = number % self.fires_one_in == 0
        team = f"team-{number // self.fires_one_in % RULES}" if fires else f"guest-{number}"
        return {
            "event": "order.failed",
            "id": f"{run}-{number}",
            "resource": {
                "id": f"order.{number}",
                "team": team,
                "region": f"eu-{number % 7}",
                "customer": f"customer-{number % 500}",
            },
            "related": [{"id": f"user.{number % 99}", "role": "actor"}],
            "payload": {
                "order": number,
                "amount": number % 1000 / 10,
                "minutes": 5,
                "items": [{"sku": f"sku-{number % 50}", "pieces": 2}],
                "note": _NOTE,
            },
        }

    def firing(self, events: int) -> int:
        """Return how many of the first `events` fire."""
        return -(-events // self.fires_one_in)


WORKLOADS: Final = {
    "tenth": Workload("one event in ten fires", 10),
    "all": Workload("every event fires", 1),
}


def write_project(folder: Path) -> None:
    """Write the rules and the deployment; its pool is paused, so that runs are stored and not started."""
    (folder / "rules").mkdir()
    for first in range(0, RULES, _RULES_IN_A_FILE):
        rules = [_rule(number) for number in range(first, first + _RULES_IN_A_FILE)]
        (folder / "rules" / f"{first}.json").write_text(json.dumps(rules))
    (folder / "deployments.yaml").write_text(json.dumps(_DEPLOYMENTS))
    (folder / "work.py").write_text("def work():\n    pass\n")


def _rule(number: int) -> dict[str, Any]:
    trigger = {"expect": "order.failed", "match": {"team": f"team-{number}", "region": "eu-*"}}
    return {"name": f"rule-{number}", "trigger": trigger, "actions": [_ACTION]}

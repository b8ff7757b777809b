"""A real Prefect server, and a project whose rule runs a deployment there: what proof and benchmark share."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from with_prefect.server import PrefectServer  # found only by the line above

FLOW: Final = "orders"
NAME: Final = "each"
RULE: Final = """\
name: run-each-order
trigger: {expect: order.placed}
actions:
  - type: run-deployment
    deployment: orders/each
    parameters: {number: "{{ event.payload.number }}"}
    job_variables:
      env.NUMBER: "{{ event.payload.number }}"
      env.CUSTOMER: "{{ event.resource.customer }}"
"""


def write_project(folder: Path, prefect: PrefectServer) -> None:
    """Write an engine's project that sends runs to the server."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "orders.yaml").write_text(RULE)
    (folder / "automations.toml").write_text(
        f'[sinks.prefect]\ntype = "prefect"\ndefault = true\napi_url = "{prefect.url}"\n'
    )


def order(number: int) -> dict[str, Any]:
    """Return an event that the rule takes."""
    return {
        "id": f"order-{number}",
        "event": "order.placed",
        "resource": {"id": f"order.{number}", "customer": f"customer-{number % 7}"},
        "payload": {"number": number},
    }


def all_runs(prefect: PrefectServer, deployment: str) -> list[dict[str, Any]]:
    """Return all flow runs of a deployment."""
    found: list[dict[str, Any]] = []
    while True:
        page = prefect.until(partial(_page, prefect, deployment, len(found)))[0]
        found += page
        if len(page) < 200:
            return found


def _page(prefect: PrefectServer, deployment: str, offset: int) -> list[list[dict[str, Any]]]:
    """In a list, as an empty page counts, too. A server that refuses under load is asked again."""
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "sort": "ID_DESC", "limit": 200, "offset": offset}
    return [prefect.post("/flow_runs/filter", wanted)]


__all__ = ["FLOW", "NAME", "PrefectServer", "all_runs", "order", "write_project"]

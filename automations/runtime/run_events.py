"""A run's change of state as an event, so that runs chain through rules (jobs.md section 4)."""

from __future__ import annotations

from typing import Final

from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, Event
from automations.model.job import Run

SOURCE: Final = "automations"


def run_event(run: Run, now: int) -> Event:
    """Return `automations.run.<State>`: the run is its resource; deployment, pool and automation are related."""
    spec = run.spec
    related = [
        {
            RESOURCE_ID: f"automations.deployment.{spec.deployment}",
            RESOURCE_NAME: spec.deployment,
            RESOURCE_ROLE: "deployment",
        },
        {
            RESOURCE_ID: f"automations.work-pool.{spec.work_pool}",
            RESOURCE_NAME: spec.work_pool,
            RESOURCE_ROLE: "work-pool",
        },
    ]
    if spec.automation is not None:
        related.append(
            {
                RESOURCE_ID: f"automations.automation.{spec.automation}",
                RESOURCE_NAME: spec.automation,
                RESOURCE_ROLE: "automation",
            }
        )
    payload: JsonObject = {
        "state": run.state.value,
        "message": run.message,
        "exit_code": run.exit_code,
        "parameters": spec.parameters,
        "tags": list(spec.tags),
    }
    return Event(
        source=SOURCE,
        id=f"{spec.id}:{run.state.value}:{now}",
        name=f"automations.run.{run.state.value}",
        occurred=now,
        received=now,
        resource={
            RESOURCE_ID: f"automations.run.{spec.id}",
            RESOURCE_NAME: spec.name,
            "automations.run.state": run.state.value,
        },
        related=related,
        payload=payload,
        follows=spec.follows,
        hops=spec.hops + 1,
    )

"""What templates can read of a firing: plain data only (rules.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.model.automation import Automation
from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, SHORT_LABELS, Event
from automations.model.firing import Firing
from automations.model.moment import format_moment

_KINDS: Final = {
    "flow": "flow",
    "flow_run": "flow-run",
    "deployment": "deployment",
    "work_pool": "work-pool",
    "work_queue": "work-queue",
}
"""Prefect's names → the kind in a resource's id and the role of a related resource."""


def _labels(labels: Mapping[str, str]) -> JsonObject:
    """Labels with the short names read as the long ones where no label of the short name exists."""
    short = {name: labels[long] for name, long in SHORT_LABELS.items() if long in labels}
    return {**short, **labels}


def event_context(event: Event) -> JsonObject:
    """One event as templates see it."""
    return {
        "id": event.id,
        "source": event.source,
        "name": event.name,
        "event": event.name,
        "occurred": format_moment(event.occurred),
        "received": format_moment(event.received),
        "resource": _labels(event.resource),
        "related": [_labels(related) for related in event.related],
        "payload": event.payload or {},
        "follows": event.follows,
    }


def _prefect_object(event: Event, kind: str) -> JsonObject | None:
    prefix = f"prefect.{kind}."
    about = event.resource if event.resource[RESOURCE_ID].startswith(prefix) else None
    if about is None:
        about = next((r for r in event.related if r.get(RESOURCE_ROLE) == kind), None)
    if about is None:
        return None
    return {"id": about.get(RESOURCE_ID, "").removeprefix(prefix), "name": about.get(RESOURCE_NAME, "")}


def _builders(automation: Automation, firing: Firing) -> Mapping[str, Callable[[], Any]]:
    return {
        "event": lambda: None if firing.event is None else event_context(firing.event),
        "events": lambda: [event_context(event) for event in firing.events],
        "count": lambda: firing.count,
        "labels": lambda: dict(firing.labels),
        "firings": dict,
        "firing": lambda: {"id": firing.id, "triggered": format_moment(firing.at), "kind": firing.kind},
        "automation": lambda: {
            "name": automation.name,
            "description": automation.description,
            "tags": list(automation.tags),
        },
    }


class RenderContext:
    """The names of one firing, each built when a template first asks for it, then shared by its actions."""

    def __init__(self, automation: Automation, firing: Firing) -> None:
        self._firing = firing
        self._builders = _builders(automation, firing)
        self._built: JsonObject = {}

    def names(self, wanted: frozenset[str]) -> JsonObject:
        """Return the values of those names that exist; one that does not is undefined to the template."""
        for name in wanted:
            if name not in self._built:
                self._build(name)
        return self._built

    def _build(self, name: str) -> None:
        if name in self._builders:
            self._built[name] = self._builders[name]()
        elif name in _KINDS and self._firing.event is not None:
            found = _prefect_object(self._firing.event, _KINDS[name])
            if found is not None:
                self._built[name] = found

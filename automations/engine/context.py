"""What templates can read of a firing: plain data only (rules.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.engine.inferred import inferred
from automations.model.automation import Automation
from automations.model.document import JsonObject
from automations.model.event import SHORT_LABELS, Event
from automations.model.firing import Firing, FiringPart
from automations.model.moment import format_moment

_KINDS: Final = {
    "flow": "flow",
    "flow_run": "flow-run",
    "deployment": "deployment",
    "work_pool": "work-pool",
    "work_queue": "work-queue",
}
"""Names of templates → the kind in a resource's id and the role of a related resource."""


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


def _about(event: Event, kind: str) -> JsonObject | None:
    found = inferred(event, kind)
    return found and {"id": found["id"], "name": found["name"]}


def _part(part: FiringPart) -> JsonObject:
    return {
        "at": format_moment(part.at),
        "event": None if part.event is None else event_context(part.event),
        "events": [event_context(event) for event in part.events],
        "labels": dict(part.labels),
        "firings": {name: _part(inner) for name, inner in part.parts.items()},
    }


def _builders(automation: Automation, firing: Firing) -> Mapping[str, Callable[[], Any]]:
    return {
        "event": lambda: None if firing.event is None else event_context(firing.event),
        "events": lambda: [event_context(event) for event in firing.events],
        "count": lambda: firing.count,
        "labels": lambda: dict(firing.labels),
        "firings": lambda: {name: _part(part) for name, part in firing.parts.items()},
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
            found = _about(self._firing.event, _KINDS[name])
            if found is not None:
                self._built[name] = found

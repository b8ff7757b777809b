"""The object that an event is about: its own resource, else the first related one in that role (rules.md section
7).
"""

from __future__ import annotations

from typing import Final

from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, Event

_OURS: Final = {"flow-run": "run"}
"""Kinds that our own resources name otherwise than Prefect's."""


def inferred(event: Event, kind: str) -> JsonObject | None:
    """Return {"system": "automations" | "prefect", "id", "name"} of the object of a kind (`flow-run`,
    `deployment`, `work-pool`, ...); None where the event names none.
    """
    about = [event.resource, *(related for related in event.related if related.get(RESOURCE_ROLE) == kind)]
    for labels in about:
        for system, prefix in (("prefect", kind), ("automations", _OURS.get(kind, kind))):
            start = f"{system}.{prefix}."
            if labels.get(RESOURCE_ID, "").startswith(start):
                identity = labels[RESOURCE_ID].removeprefix(start)
                return {"system": system, "id": identity, "name": labels.get(RESOURCE_NAME, identity)}
    return None

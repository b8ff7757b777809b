"""Why something happened or did not: one enum for logs, traces, metrics, dead letters and the API."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Each member's text is stable: dashboards and tests hold on to it."""

    FIRED = "fired"
    # Why an event does not match a trigger
    DISABLED = "disabled"
    PAUSED = "paused"
    EVENT_NAME = "event-name"
    LABEL = "label"
    RELATED = "related"
    GROUP_MISSING = "group-missing"
    # Why a matching event does not fire
    COUNTED = "counted"
    DUPLICATE = "duplicate"
    SILENT = "silent"
    TOO_LATE = "too-late"
    # Why a firing is held back
    THROTTLED = "throttled"
    # Why an action does not reach its sink
    RENDER_FAILED = "render-failed"
    TOO_MANY_HOPS = "too-many-hops"
    REFUSED = "refused"
    EXHAUSTED = "retries-exhausted"
    REJECTED = "rejected"
    POISON = "poison"

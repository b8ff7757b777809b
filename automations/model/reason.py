"""Why something happened or did not: one enum for logs, traces, metrics, dead letters and the API."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Each member's text is stable: dashboards and tests hold on to it."""

    FIRED = "fired"
    RESOLVED = "resolved"
    # Why an event does not match a trigger
    DISABLED = "disabled"
    PAUSED = "paused"
    EVENT_NAME = "event-name"
    LABEL = "label"
    RELATED = "related"
    PAYLOAD = "payload"
    WHERE = "where"
    WHERE_FAILED = "where-failed"
    GROUP_MISSING = "group-missing"
    NO_NUMBER = "no-number"
    # Why a matching event does not fire
    COUNTED = "counted"
    OPENED = "window-opened"
    WINDOW_CLOSED = "window-closed"
    WINDOW_OPEN = "window-open"
    NO_WINDOW = "no-window"
    DUPLICATE = "duplicate"
    SILENT = "silent"
    TOO_LATE = "too-late"
    RULE_CHANGED = "rule-changed"
    ANOTHER_PART = "another-part"
    NOT_ALL_PARTS = "not-all-parts"
    WRONG_ORDER = "wrong-order"
    NOT_HOLDING = "not-holding"
    HOLDING = "holding"
    # Why a firing is held back
    DEBOUNCED = "debounced"
    THROTTLED = "throttled"
    # Why an action does not reach its sink
    NO_SINK = "no-sink"
    RENDER_FAILED = "render-failed"
    TOO_MANY_HOPS = "too-many-hops"
    REFUSED = "refused"
    EXHAUSTED = "retries-exhausted"
    REJECTED = "rejected"
    POISON = "poison"
    TOO_LARGE = "too-large"

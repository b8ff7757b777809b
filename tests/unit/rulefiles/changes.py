"""Rules that say all that the language has, with a few values changed, keys added and keys taken away."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]

FILTERS = {
    "expect": "order.*",
    "match": {"id": "x", "customer": ["a", None]},
    "match_related": [{"role": "x"}],
    "match_payload": {"a": [1, {"exists": True}], "$or": [{"b": [{"prefix": "c"}]}, {"d": {"e": [None]}}]},
    "where": "event.payload.a > 1",
    "for_each": ["payload.a"],
}
REACTIVE = {"type": "event", "name": "p", **FILTERS, "after": ["b"], "threshold": 2, "within": "1m"}
PROACTIVE = {"posture": "Proactive", "expect": "c", "after": "d", "within": 60, "grace": "5s"}
METRIC = {
    "type": "metric",
    **FILTERS,
    "metric": {
        "value": "payload.a",
        "aggregate": "p95",
        "operator": ">",
        "threshold": 1.5,
        "range": "5m",
        "firing_for": 0,
    },
}
SEQUENCE = {"triggers": [REACTIVE, METRIC], "within": "1h", "for_each": "customer"}
COMPOUND = {"type": "compound", "require": 2, "triggers": [PROACTIVE, SEQUENCE]}
SCHEDULE = {"type": "schedule", "schedule": {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin", "catch_up": "1h"}}
ACTIONS = [
    {
        "type": "run-deployment",
        "deployment": "a/b",
        "parameters": {"a": ["{{ event.id }}"]},
        "job_variables": None,
        "schedule_after": "PT5M",
        "tags": ["a"],
    },
    {"type": "call-webhook", "url": "https://x", "headers": {"a": "b"}, "body": {"c": [1]}, "timeout": 5},
    {"type": "send-notification", "to": "team", "subject": "s", "body": "b"},
    {
        "type": "emit-event",
        "event": "e",
        "resource": {"id": "x"},
        "related": [{"role": "r", "id": "y"}],
        "payload": {},
    },
    {"type": "pause-work-pool", "source": "inferred"},
    {"type": "change-flow-run-state", "state": "FAILED", "name": None, "message": "m", "force": True},
    {"type": "do-nothing"},
]


def rule(trigger: Any) -> dict[str, Any]:
    return {
        "name": "a",
        "description": "d",
        "enabled": True,
        "tags": ["t"],
        "owner_resource": None,
        "trigger": trigger,
        "throttle": {"limit": 1, "per": "1m", "for_each": ["related:a:b"]},
        "debounce": {"quiet": "5s", "at_most": "1m"},
        "allow_cycle": True,
        "actions": ACTIONS,
        "actions_on_trigger": [{"type": "cancel-flow-run"}],
        "actions_on_resolve": [],
    }


RULES = [rule(trigger) for trigger in (REACTIVE | {"name": None}, COMPOUND, METRIC, SCHEDULE)]

TEXTS = st.sampled_from(["", "event", "compound", "metric", "{{ x", "payload.", "no", "5m", "do-nothing"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | TEXTS
KEYS = st.sampled_from(
    ["type", "id", "after", "name", "__prefect_kind", "{{", "triggers", "metric", "require", "posture"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


def paths(value: Any) -> list[Path]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((step, *path) for step, item in inside for path in paths(item))]


def put(whole: Any, path: Path, change: Any) -> Any:
    """A copy changed at the path: `change` takes what is there. Where an earlier change took the path away, the
    same.
    """
    if not path:
        return change(whole)
    if isinstance(whole, dict) and path[0] in whole:
        return {**whole, path[0]: put(whole[path[0]], path[1:], change)}
    if isinstance(whole, list) and isinstance(path[0], int) and path[0] < len(whole):
        return [put(item, path[1:], change) if at == path[0] else item for at, item in enumerate(whole)]
    return whole


def replaced(value: Any) -> Any:
    return lambda _: value


def with_key(key: str, value: Any) -> Any:
    return lambda found: {**found, key: value} if isinstance(found, dict) else found


def without_key(position: int) -> Any:
    def change(found: Any) -> Any:
        if not isinstance(found, dict) or not found:
            return found
        lost = list(found)[position % len(found)]
        return {key: value for key, value in found.items() if key != lost}

    return change


@st.composite
def changed_rules(draw: st.DrawFn) -> Any:
    """A rule with one to three changes; it may be right still."""
    whole = draw(st.sampled_from(RULES))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths(whole) if "match_payload" not in path]))
        change = draw(
            st.builds(replaced, VALUES)
            | st.builds(with_key, KEYS, VALUES)
            | st.builds(without_key, st.integers(0, 9))
        )
        whole = put(whole, path, change)
    return whole

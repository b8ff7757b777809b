"""What the rule language has and this version does not run yet: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from automations.errors import Problem
from automations.rulefiles.reader import Document, Path

_FIELDS: Final = frozenset({"actions_on_trigger", "actions_on_resolve", "debounce", "allow_cycle"})
_TRIGGER_FIELDS: Final = frozenset(
    {"after", "grace", "match_payload", "where", "triggers", "require", "metric", "schedule"}
)
_TRIGGER_TYPES: Final = frozenset({"compound", "sequence", "metric", "schedule"})
_ACTION_TYPES: Final = frozenset(
    {
        "send-notification", "emit-event", "pause-automation", "resume-automation", "pause-deployment",
        "resume-deployment", "pause-work-pool", "resume-work-pool", "pause-work-queue", "resume-work-queue",
        "cancel-flow-run", "suspend-flow-run", "resume-flow-run", "delete-flow-run", "change-flow-run-state",
    }
)  # fmt: skip
_ACTION_FIELDS: Final = frozenset({"deployment_id", "sign", "block_document_id"})


def not_supported(document: Document, path: Path, rule: dict[str, Any]) -> list[Problem]:
    """Return a located problem for each part of the language that this version leaves out."""
    return [
        Problem(
            "not-supported", f"{what} is not run by this version yet", document.location((*path, *step), key=True)
        )
        for step, what in _found(rule)
    ]


def _found(rule: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    yield from (((key,), repr(key)) for key in rule if key in _FIELDS)
    trigger = rule.get("trigger")
    if isinstance(trigger, dict):
        yield from (((*("trigger",), key), repr(key)) for key in trigger if key in _TRIGGER_FIELDS)
        if trigger.get("type") in _TRIGGER_TYPES:
            yield ("trigger", "type"), f"the trigger type {trigger['type']!r}"
        if trigger.get("posture") == "Proactive":
            yield ("trigger", "posture"), "the posture 'Proactive'"
    actions = rule.get("actions")
    for position, action in enumerate(actions if isinstance(actions, list) else []):
        if isinstance(action, dict):
            yield from _in_action(("actions", position), action)


def _in_action(path: Path, action: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    if action.get("type") in _ACTION_TYPES:
        yield (*path, "type"), f"the action type {action['type']!r}"
    if action.get("source") == "inferred":
        yield (*path, "source"), "the source 'inferred'"
    yield from (((*path, key), repr(key)) for key in action if key in _ACTION_FIELDS)

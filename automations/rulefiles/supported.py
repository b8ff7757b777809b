"""What the rule language has and this version does not run yet: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from automations.errors import Problem
from automations.rulefiles.document import Document, Path

_FIELDS: Final = ("actions_on_trigger", "actions_on_resolve", "debounce", "allow_cycle")
_TRIGGER_FIELDS: Final = ("after", "grace", "match_payload", "where", "triggers", "require", "metric", "schedule")
_TRIGGER_VALUES: Final = {"type": ("compound", "sequence", "metric", "schedule"), "posture": ("Proactive",)}
_ACTION_FIELDS: Final = ("deployment_id", "sign", "block_document_id")
_ACTION_VALUES: Final = {
    "type": (
        "send-notification", "emit-event", "pause-automation", "resume-automation", "pause-deployment",
        "resume-deployment", "pause-work-pool", "resume-work-pool", "pause-work-queue", "resume-work-queue",
        "cancel-flow-run", "suspend-flow-run", "resume-flow-run", "delete-flow-run", "change-flow-run-state",
    ),
    "source": ("inferred",),
}  # fmt: skip


_MENDS: Final = {"deployment_id": "write the deployment's name in 'deployment'"}
_Part = tuple[Path, dict[str, Any], tuple[str, ...], Mapping[str, tuple[str, ...]]]


def drop_unused(rule: dict[str, Any]) -> None:
    """Drop from a rule what is written but empty, as Prefect exports it (`after: []`): nothing in it is to run."""
    for _, mapping, fields, _ in _parts(rule):
        for key in fields:
            if key in mapping and mapping[key] in (None, [], {}):
                del mapping[key]


def not_supported(document: Document, path: Path, rule: dict[str, Any], problems: list[Problem]) -> list[Problem]:
    """Return a located problem for each part of the language that this version leaves out, and then those of the
    other problems that do not follow from one of these: one mistake is one line.
    """
    left_out, follow = [], set()
    for step, what, is_key in _found(rule):
        where = document.location((*path, *step), key=is_key)
        mend = _MENDS.get(str(step[-1]))
        left_out.append(Problem("not-supported", f"{what} is not run by this version yet", where, mend))
        follow |= {("unknown-key", where), ("bad-value", where)}
        follow.add(("missing-key", document.location((*path, *step[:-1]))))
    return left_out + [problem for problem in problems if (problem.code, problem.location) not in follow]


def _parts(rule: dict[str, Any]) -> Iterator[_Part]:
    """Each mapping that has parts of its own to leave out: its path, itself, the fields, the values."""
    yield (), rule, _FIELDS, {}
    trigger, actions = rule.get("trigger"), rule.get("actions")
    if isinstance(trigger, dict):
        yield ("trigger",), trigger, _TRIGGER_FIELDS, _TRIGGER_VALUES
    for position, action in enumerate(actions if isinstance(actions, list) else []):
        if isinstance(action, dict):
            yield ("actions", position), action, _ACTION_FIELDS, _ACTION_VALUES


def _found(rule: dict[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    """The path, its words, and whether the key is what is not run, or the value."""
    for path, mapping, fields, values in _parts(rule):
        for key, value in mapping.items():
            if key in fields:
                yield (*path, key), repr(key), True
            elif value in values.get(key, ()):
                yield (*path, key), f"the {key} {value!r}", False

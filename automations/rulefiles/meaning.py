"""Rules that are well formed, and mean something other than they say, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, get_args

from automations.engine.conditions import Alternatives
from automations.errors import Problem
from automations.model.action_document import Action, DoNothing
from automations.model.automation import ActionList, Automation
from automations.model.event import SHORT_LABELS
from automations.model.filters import EventFilter, LabelSpec
from automations.model.trigger import CompositeTrigger, EventTrigger, MetricTrigger, Trigger
from automations.rulefiles.document import Document, Path

OnPrefectOnly = Literal["allow", "warn", "refuse"]
"""What to make of an action that only a Prefect server can carry out."""
_SHORT: Final = {long: short for short, long in SHORT_LABELS.items()}
_ONE_AT_MOST: Final = {"flow", "flow-run", "deployment", "work-pool", "work-queue", "automation"}
"""Roles of which an event has one related resource, or none."""
_LISTS: Final[Sequence[ActionList]] = get_args(ActionList)


def lint_meaning(
    document: Document, path: Path, automation: Automation, on_prefect_only: OnPrefectOnly
) -> Iterator[Problem]:
    """Check what an automation without an error means."""
    actions = list(_actions(automation, path))
    runs_something = any(not isinstance(action, DoNothing) for _, action in actions)
    for step, trigger in _triggers(automation.trigger, (*path, "trigger")):
        if runs_something and _takes_every_event(trigger):
            yield _matches_everything(document, step)
        if isinstance(trigger, EventFilter):
            yield from _some_other(document, (*step, "match_related"), trigger.match_related)
        if isinstance(trigger, CompositeTrigger) and not trigger.for_each:
            yield from _pooled_groups(document, step, trigger)
    if automation.actions_on_resolve and not _resolves(automation.trigger):
        yield _never_resolves(document, path)
    for step, action in actions:
        if action.prefect_only and on_prefect_only != "allow":
            yield _prefect_only(document, step, action, on_prefect_only)


def _actions(automation: Automation, path: Path) -> Iterator[tuple[Path, Action]]:
    for name in _LISTS:
        for index, action in enumerate(automation.actions_of(name)):
            yield (*path, name, index), action


def _triggers(trigger: Trigger, path: Path) -> Iterator[tuple[Path, Trigger]]:
    yield path, trigger
    if isinstance(trigger, CompositeTrigger):
        for index, part in enumerate(trigger.triggers):
            yield from _triggers(part, (*path, "triggers", index))


def _takes_every_event(trigger: Trigger) -> bool:
    """A Proactive trigger may wait for whatever comes, and a metric may count it: neither fires at each event."""
    if not isinstance(trigger, EventTrigger) or trigger.proactive:
        return False
    return not (trigger.filters or trigger.after)


def _matches_everything(document: Document, path: Path) -> Problem:
    what = "the trigger" if path[-1] == "trigger" else "this part"
    return Problem(
        "matches-everything",
        f"{what} matches every event, and the actions run something",
        document.location(path, key=True),
        "name the events in 'expect', or filter by 'match'",
    )


def _some_other(document: Document, path: Path, specs: Sequence[LabelSpec]) -> Iterator[Problem]:
    """`{role: tag, id: "!x"}` is read as 'no tag is x', and holds as soon as some tag is another. Where an event
    has one resource in the role at most, both are the same.
    """
    for index, spec in enumerate(specs):
        values = {_SHORT.get(label, label): Alternatives.of(wanted) for label, wanted in spec.items()}
        role = values.pop("role", None)
        label = next((label for label, wanted in values.items() if not wanted.positive), None)
        if role is not None and role.positive and not role.literals <= _ONE_AT_MOST and label is not None:
            yield Problem(
                "some-other",
                f"this means: some resource in that role has another {label!r}, whatever the rest of them have",
                document.location((*path, index)),
                f"to forbid it, write a spec of the exclusion alone: {{{label}: ...}}",
                severity="warning",
            )


def _pooled_groups(document: Document, path: Path, composite: CompositeTrigger) -> Iterator[Problem]:
    for index, part in enumerate(composite.triggers):
        if part.for_each:
            yield Problem(
                "pooled-groups",
                "the parts' groups pool: a firing of one group and a firing of another make the whole fire",
                document.location((*path, "triggers", index, "for_each"), key=True),
                "write 'for_each' beside 'triggers', and the parts have to agree on it",
                severity="warning",
            )


def _resolves(trigger: Trigger) -> bool:
    return isinstance(trigger, MetricTrigger) or (isinstance(trigger, EventTrigger) and trigger.proactive)


def _never_resolves(document: Document, path: Path) -> Problem:
    return Problem(
        "never-resolves",
        "this trigger never resolves, so these actions never run",
        document.location((*path, "actions_on_resolve"), key=True),
        "Proactive and metric triggers resolve",
        severity="warning",
    )


def _prefect_only(document: Document, path: Path, action: Action, on_prefect_only: OnPrefectOnly) -> Problem:
    return Problem(
        "needs-prefect",
        f"this {action.type} needs a Prefect server, and no sink leads to one",
        document.location(path),
        "declare a sink of type 'prefect' in automations.toml, or name an object of this engine",
        severity="error" if on_prefect_only == "refuse" else "warning",
    )

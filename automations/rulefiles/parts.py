"""The triggers and actions of an automation as it is written, whatever else may be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from automations.model.action_document import Action, ActionDocument
from automations.model.automation import ActionList
from automations.rulefiles.document import Path
from automations.rulefiles.locate import models_in, tags

_ACTIONS: Final[Mapping[str, type[ActionDocument]]] = {
    tags(model)[0]: model for model in models_in(Action) if issubclass(model, ActionDocument)
}
_Written = tuple[Path, dict[str, Any]]


def triggers_of(path: Path, rule: dict[str, Any]) -> Iterator[_Written]:
    """Yield the trigger and all its parts."""
    waiting: list[tuple[Path, Any]] = [((*path, "trigger"), rule.get("trigger"))]
    while waiting:
        step, trigger = waiting.pop(0)
        if isinstance(trigger, dict):
            yield step, trigger
            parts = trigger.get("triggers")
            inside = enumerate(parts if isinstance(parts, list) else [])
            waiting[:0] = [((*step, "triggers", index), part) for index, part in inside]


def actions_of(path: Path, rule: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any], type[ActionDocument]]]:
    """Yield the actions of all lists whose type is known."""
    for name in get_args(ActionList):
        actions = rule.get(name)
        for index, action in enumerate(actions if isinstance(actions, list) else []):
            kind = action.get("type") if isinstance(action, dict) else None
            if isinstance(kind, str) and kind in _ACTIONS:
                yield (*path, name, index), action, _ACTIONS[kind]

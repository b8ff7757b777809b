"""What a model cannot see: templates, and rules that mean something other than they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from automations.engine.grouping import payload_path
from automations.errors import Location, Problem
from automations.model.automation import Automation, DoNothing
from automations.rulefiles.reader import Document, Path
from automations.rulefiles.validate import suggestion
from automations.templating import NAMES, TemplateErrors, compile_value

_TEMPLATED: Final = {
    "run-deployment": {"parameters": False, "job_variables": False, "tags": True},
    "call-webhook": {"url": True, "headers": True, "body": False},
}
"""Action type → the fields that hold templates, and whether they yield text only."""


def lint_templates(document: Document, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    """Check every template of an automation as written, whatever else may be wrong with it."""
    actions = rule.get("actions")
    for position, action in enumerate(actions if isinstance(actions, list) else []):
        if isinstance(action, dict):
            for name, text in _TEMPLATED.get(str(action.get("type")), {}).items():
                where = (*path, "actions", position, name)
                yield from _templates(document, where, action.get(name), text=text)


def lint_trigger(document: Document, path: Path, automation: Automation) -> Iterator[Problem]:
    """Check what a well-formed trigger means."""
    trigger = automation.trigger
    unfiltered = not (trigger.expect or trigger.match or trigger.match_related)
    runs_something = any(not isinstance(action, DoNothing) for action in automation.actions)
    if unfiltered and runs_something:
        yield Problem(
            "matches-everything",
            "the trigger matches every event, and the actions run something",
            document.location((*path, "trigger"), key=True),
            "name the events in 'expect', or filter by 'match'",
        )
    for position, label in enumerate(trigger.for_each):
        if label.startswith("payload."):
            try:
                payload_path(label)
            except ValueError as error:
                yield Problem("bad-group", str(error), document.location((*path, "trigger", "for_each", position)))


def _templates(document: Document, path: Path, value: Any, *, text: bool) -> Iterator[Problem]:
    try:
        names = compile_value(value, text=text).names
    except TemplateErrors as errors:
        for pointer, error in errors.errors:
            where = document.location((*path, *_steps(value, pointer)))
            yield Problem(error.code, error.message, where, error.hint)
        return
    for name in sorted(names - NAMES):
        hint = suggestion(name, sorted(NAMES)) or f"templates can read {', '.join(sorted(NAMES))}"
        yield _warning("unknown-name", f"no template can read {name!r}", document.location(path), hint)
    for at, key in _keys(value, path):
        if "{{" in key:
            message = f"the key {key!r} is taken literally: keys are never templated"
            yield _warning("template-in-key", message, document.location(at, key=True))


def _warning(code: str, message: str, location: Location, hint: str | None = None) -> Problem:
    return Problem(code, message, location, hint, severity="warning")


def _steps(value: Any, pointer: str) -> Path:
    """From a JSON pointer to the steps of a path: list positions are numbers."""
    steps: list[str | int] = []
    for written in pointer.split("/")[1:]:
        step = written.replace("~1", "/").replace("~0", "~")
        steps.append(int(step) if isinstance(value, list) else step)
        value = _at(value, steps[-1])
    return tuple(steps)


def _at(value: Any, step: Any) -> Any:
    return value[step] if isinstance(value, list | dict) else None


def _keys(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), key
            yield from _keys(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _keys(item, (*path, position))

"""What a model cannot see: templates, and rules that mean something other than they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from automations.engine.grouping import payload_path
from automations.errors import Location, Problem
from automations.model.automation import Automation, DoNothing
from automations.rulefiles.document import Document, Path
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
        if isinstance(action, dict) and action.get("type") in tuple(_TEMPLATED):
            yield from _action(document, (*path, "actions", position), action)


def lint_trigger(document: Document, path: Path, automation: Automation) -> Iterator[Problem]:
    """Check what a well-formed trigger means."""
    trigger, throttle = automation.trigger, automation.throttle
    unfiltered = not (trigger.expect or trigger.match or trigger.match_related)
    runs_something = any(not isinstance(action, DoNothing) for action in automation.actions)
    if unfiltered and runs_something:
        yield Problem(
            "matches-everything",
            "the trigger matches every event, and the actions run something",
            document.location((*path, "trigger"), key=True),
            "name the events in 'expect', or filter by 'match'",
        )
    yield from _groups(document, (*path, "trigger", "for_each"), trigger.for_each)
    yield from _groups(document, (*path, "throttle", "for_each"), (throttle and throttle.for_each) or ())


def _groups(document: Document, path: Path, labels: tuple[str, ...]) -> Iterator[Problem]:
    for position, label in enumerate(labels):
        if label.startswith("payload."):
            try:
                payload_path(label)
            except ValueError as error:
                yield Problem("bad-group", str(error), document.location((*path, position)))


def _action(document: Document, path: Path, action: dict[str, Any]) -> Iterator[Problem]:
    templated = _TEMPLATED[action["type"]]
    for name, value in action.items():
        if name in templated:
            yield from _templates(document, (*path, name), value, text=templated[name])
        elif isinstance(value, str) and "{{" in value:
            message = f"{name!r} is taken literally: it is never templated"
            yield _warning("not-templated", message, document.location((*path, name)))


def _templates(document: Document, path: Path, value: Any, *, text: bool) -> Iterator[Problem]:
    """Walk to the strings, and to Prefect's explicit forms: each is one template with a place of its own."""
    if isinstance(value, dict) and "__prefect_kind" not in value:
        for key, item in value.items():
            if "{{" in key:
                message = f"the key {key!r} is taken literally: keys are never templated"
                yield _warning("template-in-key", message, document.location((*path, key), key=True))
            yield from _templates(document, (*path, key), item, text=text)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _templates(document, (*path, position), item, text=text)
    else:
        yield from _template(document, path, value, text=text)


def _template(document: Document, path: Path, value: Any, *, text: bool) -> Iterator[Problem]:
    try:
        names = compile_value(value, text=text).names
    except TemplateErrors as errors:
        for pointer, error in errors.errors:
            where = document.location((*path, *pointer.split("/")[1:]))
            yield Problem(error.code, error.message, where, error.hint)
        return
    for name in sorted(names - NAMES):
        hint = suggestion(name, sorted(NAMES)) or f"templates can read {', '.join(sorted(NAMES))}"
        yield _warning("unknown-name", f"no template can read {name!r}", document.location(path), hint)


def _warning(code: str, message: str, location: Location, hint: str | None = None) -> Problem:
    return Problem(code, message, location, hint, severity="warning")

"""Every template of a rule, as written: those of the actions, and `where`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from automations.errors import Problem, TemplateError
from automations.model.action_document import ActionDocument
from automations.rulefiles.document import Document, Path
from automations.rulefiles.parts import actions_of, triggers_of
from automations.rulefiles.validate import suggestion
from automations.templating import NAMES, TemplateErrors, compile_expression, compile_value

_WHERE_NAMES: Final = frozenset({"event"})


def lint_templates(document: Document, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    """Check every template of an automation, whatever else may be wrong with it."""
    for step, action, model in actions_of(path, rule):
        yield from _action(document, step, action, model)
    for step, trigger in triggers_of(path, rule):
        if isinstance(trigger.get("where"), str) and trigger["where"]:
            yield from _where(document, (*step, "where"), trigger["where"])


def _action(
    document: Document, path: Path, action: dict[str, Any], model: type[ActionDocument]
) -> Iterator[Problem]:
    for name, value in action.items():
        if name in model.typed or name in model.text:
            yield from _templates(document, (*path, name), value, text=name in model.text)
        elif isinstance(value, str) and "{{" in value:
            message = f"{name!r} is taken literally: it is never templated"
            yield _warning("not-templated", message, document, (*path, name))


def _templates(document: Document, path: Path, value: Any, *, text: bool) -> Iterator[Problem]:
    """Walk to the strings, and to Prefect's explicit forms: each is one template with a place of its own."""
    if isinstance(value, dict) and "__prefect_kind" not in value:
        for key, item in value.items():
            if "{{" in key:
                message = f"the key {key!r} is taken literally: keys are never templated"
                where = document.location((*path, key), key=True)
                yield Problem("template-in-key", message, where, severity="warning")
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
            yield _refused(error, document, (*path, *pointer.split("/")[1:]))
        return
    for name in sorted(names - NAMES):
        hint = suggestion(name, sorted(NAMES)) or f"templates can read {', '.join(sorted(NAMES))}"
        yield _warning("unknown-name", f"no template can read {name!r}", document, path, hint)


def _where(document: Document, path: Path, source: str) -> Iterator[Problem]:
    try:
        names = compile_expression(source).names
    except TemplateError as error:
        yield _refused(error, document, path)
        return
    for name in sorted(names - _WHERE_NAMES):
        hint = suggestion(name, ["event"]) or "it can read 'event' alone"
        yield _warning("unknown-name", f"'where' cannot read {name!r}: no event will match", document, path, hint)


def _refused(error: TemplateError, document: Document, path: Path) -> Problem:
    return Problem(error.code, error.message, document.location(path), error.hint)


def _warning(code: str, message: str, document: Document, path: Path, hint: str | None = None) -> Problem:
    return Problem(code, message, document.location(path), hint, severity="warning")

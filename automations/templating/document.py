"""Templates anywhere inside a JSON document: compiled once, rendered with the mark of what the event filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from automations.errors import TemplateError
from automations.templating.template import Template, compile_template, has_markup

Render = Callable[[dict[str, Any], str, dict[str, str]], Any]
_KIND: Final = "__prefect_kind"
_AUTHORS_OWN: Final = frozenset({"automation"})


class TemplateErrors(TemplateError):
    """What is wrong with the templates of one document: (JSON pointer, error) pairs in `errors`."""

    def __init__(self, errors: list[tuple[str, TemplateError]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{pointer}: {error.message}" for pointer, error in errors))


class CompiledValue:
    """Built by `compile_value`. `names` are all root names that its templates read."""

    def __init__(self, value: Any, *, text: bool) -> None:
        self._text = text
        self._value = value
        self._errors: list[tuple[str, TemplateError]] = []
        self._names: set[str] = set()
        self._render = self._compile(value, "")
        if self._errors:
            raise TemplateErrors(self._errors)
        self.names = frozenset(self._names)

    def render(self, context: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        """Return the document, and for each part that the event filled its JSON pointer → template."""
        if self._render is None:
            return self._value, {}
        templates: dict[str, str] = {}
        return self._render(context, "", templates), templates

    def _compile(self, value: Any, pointer: str, *, literal: bool = False) -> Render | None:
        """Compile one part; None where nothing in it is a template. `literal` strings are none."""
        if isinstance(value, str):
            return None if literal else self._string(value, pointer)
        if isinstance(value, list):
            return self._list(value, pointer, literal)
        if isinstance(value, dict):
            return self._prefect(value, pointer) if _KIND in value else self._dict(value, pointer, literal)
        return None

    def _string(self, source: str, pointer: str) -> Render | None:
        if not has_markup(source):
            return None
        try:
            template = compile_template(source, text=self._text)
        except TemplateError as error:
            self._errors.append((pointer, error))
            return None
        self._names |= template.names
        return _marked(template)

    def _list(self, items: list[Any], pointer: str, literal: bool) -> Render | None:
        parts = [self._compile(item, f"{pointer}/{at}", literal=literal) for at, item in enumerate(items)]
        if not any(parts):
            return None
        return lambda context, at, templates: [
            item if part is None else part(context, f"{at}/{position}", templates)
            for position, (item, part) in enumerate(zip(items, parts, strict=True))
        ]

    def _dict(self, items: dict[str, Any], pointer: str, literal: bool) -> Render | None:
        steps = {key: escaped(key) for key in items}
        parts = {k: self._compile(item, f"{pointer}/{steps[k]}", literal=literal) for k, item in items.items()}
        live = [(key, steps[key], part) for key, part in parts.items() if part is not None]
        if not live:
            return None

        def render(context: dict[str, Any], at: str, templates: dict[str, str]) -> Any:
            rendered = dict(items)
            for key, step, part in live:
                rendered[key] = part(context, f"{at}/{step}", templates)
            return rendered

        return render

    def _prefect(self, value: dict[str, Any], pointer: str) -> Render | None:
        """Prefect's explicit forms, in our own files only (rules.md section 6)."""
        form = value[_KIND]
        if form == "jinja" and isinstance(value.get("template"), str):
            template = value["template"]
            return self._string(template, f"{pointer}/template") or _constant(template)
        if form == "json" and isinstance(value.get("value"), str):
            return _constant(self._json(value["value"], f"{pointer}/value"))
        if form in ("none", None) and "value" in value:  # passed through; only forms inside of it are read
            plain = value["value"]
            return self._compile(plain, f"{pointer}/value", literal=True) or _constant(plain)
        self._errors.append((f"{pointer}/{_KIND}", _bad_form(form)))
        return None

    def _json(self, text: str, pointer: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            self._errors.append((pointer, TemplateError(f"this is no JSON: {error}", code="bad-json")))
            return None


_FIELDS: Final = {"jinja": "template", "json": "value", "none": "value", None: "value"}


def _bad_form(form: Any) -> TemplateError:
    field = _FIELDS.get(form) if isinstance(form, str | None) else None
    message = f"{form!r} is no form of value" if field is None else f"the form {form or 'none'!r} needs {field!r}"
    hint = "write 'jinja' with 'template' (text), 'json' with 'value' (text), or 'none' with 'value'"
    return TemplateError(message, code="bad-prefect-kind", hint=hint)


def _constant(value: Any) -> Render:
    return lambda _context, _at, _templates: value


def _marked(template: Template) -> Render:
    authors = template.names <= _AUTHORS_OWN

    def render(context: dict[str, Any], at: str, templates: dict[str, str]) -> Any:
        if not authors:
            templates[at] = template.source
        return template.render(context)

    return render


def escaped(key: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def compile_value(value: Any, *, text: bool = False) -> CompiledValue:
    """Compile every string inside a JSON document; keys are never templated. TemplateErrors names each place."""
    return CompiledValue(value, text=text)

"""A webhook's mapping: bounded templates that make an event of a body, its headers and its query."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import orjson
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from automations.errors import Refused, RenderError, TemplateError
from automations.ingest.native import read_event
from automations.model.document import Document, JsonObject, JsonValue
from automations.model.event import RESOURCE_ID, Event
from automations.templating import CompiledValue, TemplateErrors, compile_value

NAMES: Final = frozenset({"body", "headers", "query"})
"""Every name that a mapping may read."""
_FIELDS: Final = ("skip", "event", "id", "occurred", "resource", "related", "payload")
_OPTIONAL: Final = frozenset({"skip", "occurred"})
_TEXTS: Final = frozenset({"event", "id"})
_WHOLE_BODY: Final = re.compile(r"\s*\{\{-?\s*body\s*-?\}\}\s*")


class HookMapping(Document):
    """As written in sources.yaml. Any text may be a template over `body`, `headers` and `query`.

    `occurred` and `skip` may name what a body lacks: then the event occurred when it was received, and is not
    skipped. A label or an `id` that renders to null is left out.
    """

    event: Annotated[str, Field(min_length=1)]
    id: Annotated[str, Field(min_length=1)] | None = None
    occurred: str | None = None
    resource: dict[str, str]
    related: tuple[dict[str, str], ...] = Field(default=(), strict=False)
    payload: Any = None
    skip: str | bool | None = None

    @field_validator("resource")
    @classmethod
    def _has_id(cls, labels: dict[str, str]) -> dict[str, str]:
        if not (labels.get("id") or labels.get(RESOURCE_ID)):
            raise PydanticCustomError("missing-key", "the resource needs an 'id'")
        return labels


class CompiledMapping:
    """A mapping with its templates compiled. TemplateErrors, with (JSON pointer, error) pairs, when one is bad."""

    def __init__(self, mapping: HookMapping) -> None:
        document = mapping.model_dump(mode="json")
        if isinstance(mapping.payload, str) and _WHOLE_BODY.fullmatch(mapping.payload):
            document["payload"] = None  # the default says the same, without a template's bound on its result
        self._fields: dict[str, CompiledValue] = {}
        errors: list[tuple[str, TemplateError]] = []
        for name in _FIELDS:
            if document[name] is not None:
                errors += self._compile(name, document[name])
        if errors:
            raise TemplateErrors(errors)

    def _compile(self, field: str, value: JsonValue) -> list[tuple[str, TemplateError]]:
        try:
            compiled = compile_value(value)
        except TemplateErrors as bad:
            return [(f"/{field}{pointer}", error) for pointer, error in bad.errors]
        self._fields[field] = compiled
        return [(f"/{field}", _unknown_name(name)) for name in sorted(compiled.names - NAMES)]

    def apply(self, context: JsonObject, *, source: str, received: int, new_id: Callable[[], str]) -> Event | None:
        """Return the event, or None where `skip` says so. Refused `mapping` when a template fails on this body,
        else as `read_event`.
        """
        if self._render("skip", context):
            return None
        native: JsonObject = {
            "event": self._render("event", context),
            "id": self._render("id", context),
            "occurred": self._render("occurred", context) or None,
            "resource": _labels(self._render("resource", context)),
            "related": [_labels(labels) for labels in self._render("related", context) or ()],
            "payload": self._payload(context),
        }
        return read_event(native, source=source, received=received, new_id=new_id)

    def _payload(self, context: JsonObject) -> JsonValue:
        if "payload" in self._fields:
            return self._render("payload", context)
        body = context["body"]
        return body if type(body) is dict else {"data": body}

    def _render(self, field: str, context: JsonObject) -> JsonValue:
        compiled = self._fields.get(field)
        if compiled is None:
            return None
        try:
            value, _ = compiled.render(context)
        except RenderError as error:
            if error.code == "undefined" and field in _OPTIONAL:
                return None
            hint = "change the source's mapping, or skip such bodies"
            raise Refused(f"mapping of '{field}': {error.message}", code="mapping", hint=hint) from None
        return _as_text(value) if field in _TEXTS else value


def _unknown_name(name: str) -> TemplateError:
    return TemplateError(
        f"a mapping cannot read {name!r}", code="unknown-name", hint="it reads body, headers and query"
    )


def _labels(labels: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {label: _as_text(value) for label, value in labels.items() if value is not None}


def _as_text(value: JsonValue) -> JsonValue:
    """A number or a boolean as JSON writes it; an object or a list stays, and is refused as no text."""
    return orjson.dumps(value).decode() if isinstance(value, bool | int | float) else value

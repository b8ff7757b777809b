"""A native event: the JSON object of rules.md section 2, checked by hand because every event passes here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from automations.errors import Refused
from automations.model.document import JsonObject, JsonValue
from automations.model.event import RESOURCE_ID, RESOURCE_ROLE, SHORT_LABELS, Event
from automations.model.moment import parse_moment
from automations.templating.suggest import nearest

MAX_TEXT: Final = 1024
MAX_LABELS: Final = 500
MAX_RELATED: Final = 100
DEFAULT_MAX_EVENT_BYTES: Final = 256 * 1024
_MAX_REFERENCE: Final = 2 * MAX_TEXT + 1
_FIELDS: Final = ("event", "id", "occurred", "resource", "related", "payload", "follows")
_IGNORED: Final = ("source", "received", "hops")
_KNOWN: Final = frozenset({*_FIELDS, *_IGNORED})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LATEST: Final = parse_moment("9999-12-31T23:59:59.999999Z")


def read_event(data: JsonValue, *, source: str, received: int, new_id: Callable[[], str]) -> Event:
    """Validate one parsed object. `received` is now, in microseconds; it is also the default of `occurred`.

    A sender's `source`, `received` and `hops` are ignored: we set them. An optional field that is null counts as
    left out. Refused: `wrong-type`, `unknown-field`, `missing-field`, `bad-value`, `bad-time`, `bad-label`,
    `too-large`.
    """
    if type(data) is not dict:
        raise Refused(f"an event is a JSON object, not {kind_of(data)}", code="wrong-type")
    if not data.keys() <= _KNOWN:
        raise _unknown_field(data)
    follows = data.get("follows")
    identity = data.get("id")
    occurred = data.get("occurred")
    return Event(
        source=source,
        id=new_id() if identity is None else identifier(identity, "id"),
        name=_name(data),
        occurred=received if occurred is None else moment(occurred),
        received=received,
        resource=_resource(data),
        related=_related(data.get("related")),
        payload=_payload(data.get("payload")),
        follows=None if follows is None else identifier(follows, "follows", longest=_MAX_REFERENCE),
    )


def canonical(event: Event, *, max_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> bytes:
    """Return the canonical JSON of an event. Refused `too-large` when it is longer than `max_bytes`."""
    body = orjson.dumps(event.to_dict())
    if len(body) > max_bytes:
        raise Refused(f"the event has {len(body)} bytes, more than {max_bytes}", code="too-large")
    return body


def identifier(value: JsonValue, field: str, *, longest: int = MAX_TEXT) -> str:
    """Check text that names something: not empty, bounded, without control characters."""
    text = _text(value, field, longest)
    if not text.isprintable() and _CONTROL.search(text):
        raise Refused(f"'{field}' holds a control character", code="bad-value")
    return text


def moment(value: JsonValue) -> int:
    """Read an RFC 3339 time with an offset, in the years 1970 to 9999 (UTC). Refused `bad-time`."""
    if type(value) is not str:
        raise Refused(f"'occurred' is a time as text, not {kind_of(value)}", code="bad-time")
    try:
        found = parse_moment(value)
    except (ValueError, OverflowError) as error:
        raise Refused(f"'occurred': {error}", code="bad-time") from None
    if not 0 <= found <= _LATEST:
        raise Refused(f"'occurred': {value!r} is not in the years 1970 to 9999", code="bad-time")
    return found


def kind_of(value: JsonValue) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _text(value: JsonValue, field: str, longest: int) -> str:
    if type(value) is not str:
        raise Refused(f"'{field}' is text, not {kind_of(value)}", code="wrong-type")
    if not value or len(value) > longest:
        raise Refused(f"'{field}' has 1 to {longest} characters, not {len(value)}", code="bad-value")
    return value


def _unknown_field(data: JsonObject) -> Refused:
    field = next(key for key in data if key not in _KNOWN)
    if field == "specversion":
        hint = "send a CloudEvent as application/cloudevents+json"
    else:
        hint = nearest(field[:64], _FIELDS) or f"the fields are {', '.join(_FIELDS)}"
    return Refused(f"'{field[:64]}' is no field of an event", code="unknown-field", hint=hint)


def _name(data: JsonObject) -> str:
    if "event" not in data:
        raise Refused("the event has no 'event' (its name)", code="missing-field")
    return _text(data["event"], "event", MAX_TEXT)


def _resource(data: JsonObject) -> Mapping[str, str]:
    if "resource" not in data:
        raise Refused("the event has no 'resource'", code="missing-field", hint='"resource": {"id": "..."}')
    labels = _labels(data["resource"], "resource")
    if not labels.get(RESOURCE_ID):
        raise _missing_label("resource", RESOURCE_ID, labels)
    return labels


def _related(value: JsonValue) -> Sequence[Mapping[str, str]]:
    if value is None:
        return ()
    if type(value) is not list:
        raise Refused(f"'related' is a list of label sets, not {kind_of(value)}", code="wrong-type")
    if len(value) > MAX_RELATED:
        raise Refused(f"'related' holds {len(value)} resources, more than {MAX_RELATED}", code="too-large")
    return [_related_one(labels, f"related[{position}]") for position, labels in enumerate(value)]


def _related_one(value: JsonValue, where: str) -> Mapping[str, str]:
    labels = _labels(value, where)
    if not labels.get(RESOURCE_ROLE):
        raise _missing_label(where, RESOURCE_ROLE, labels)
    return labels


def _labels(value: JsonValue, where: str) -> dict[str, str]:
    if type(value) is not dict:
        raise Refused(f"'{where}' is an object of labels, not {kind_of(value)}", code="wrong-type")
    if len(value) > MAX_LABELS:
        raise Refused(f"'{where}' has {len(value)} labels, more than {MAX_LABELS}", code="too-large")
    labels: dict[str, str] = {}
    for key, text in value.items():
        if type(text) is not str:
            raise _not_text(where, key, text)
        labels[SHORT_LABELS.get(key, key)] = text
    if len(labels) < len(value):
        raise _both_forms(where, value)
    if "" in labels:
        raise Refused(f"'{where}' has a label without a name", code="bad-label")
    return labels


def _not_text(where: str, key: str, value: Any) -> Refused:
    return Refused(
        f"'{where}.{key[:64]}': a label is text, not {kind_of(value)}",
        code="bad-label",
        hint="send it in quotes, or in the payload",
    )


def _both_forms(where: str, labels: JsonObject) -> Refused:
    short = next(key for key in SHORT_LABELS if key in labels and SHORT_LABELS[key] in labels)
    return Refused(
        f"'{where}' has both '{short}' and '{SHORT_LABELS[short]}', which are one label", code="bad-label"
    )


def _missing_label(where: str, label: str, labels: Mapping[str, str]) -> Refused:
    short = label.rpartition(".")[2]
    code = "bad-label" if label in labels else "missing-field"
    return Refused(
        f"'{where}' needs '{label}', not empty", code=code, hint=f"the short label '{short}' stands for it"
    )


def _payload(value: JsonValue) -> JsonObject:
    if value is None:
        return {}
    if type(value) is not dict:
        hint = 'send {"data": ...}'
        raise Refused(f"'payload' is an object, not {kind_of(value)}", code="wrong-type", hint=hint)
    return value

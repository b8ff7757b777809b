"""CloudEvents 1.0 over HTTP, structured and binary, as events (rules.md section 2).

`event` = type, `occurred` = time, `source` = source, the resource's id = subject, or else source; extension
attributes are labels of the resource, as text. `payload` = the data when it is an object, else `{"data": data}`;
binary data stays in base64: `{"data_base64": "..."}`. `datacontenttype` and `dataschema` are not kept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from automations.errors import Refused
from automations.ingest.content import is_json, media_type
from automations.ingest.native import identifier, kind_of, read_event
from automations.ingest.strict_json import parse_json
from automations.model.document import JsonObject, JsonValue
from automations.model.event import Event

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_REQUIRED: Final = ("id", "source", "type")
_CORE: Final = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}
)
_DATA: Final = frozenset({"data", "data_base64"})
_PREFIX: Final = "ce-"
_ATTRIBUTE_NAME: Final = re.compile(r"[a-z0-9]+")


def is_binary_mode(headers: Mapping[str, str]) -> bool:
    """True when the headers (lower-case names) carry a CloudEvent's attributes."""
    return "ce-specversion" in headers or "ce-type" in headers


def read_structured(data: JsonValue, *, received: int) -> Event:
    """Read one object of application/cloudevents+json, or one item of a batch.

    Refused: `wrong-type`, `missing-field`, `bad-value`, `bad-time`, `bad-label`, `specversion`, `bad-data`.
    """
    if type(data) is not dict:
        raise Refused(f"a CloudEvent is a JSON object, not {kind_of(data)}", code="wrong-type")
    attributes = {name: value for name, value in data.items() if name not in _DATA and value is not None}
    return _event(attributes, _structured_payload(data), received)


def read_binary(raw: bytes, headers: Mapping[str, str], *, received: int) -> Event:
    """Read the attributes from `ce-` headers and the data from the body, by its content type."""
    attributes: JsonObject = {
        name[len(_PREFIX) :]: _header_text(name, value)
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    return _event(attributes, _binary_payload(raw, media_type(headers)), received)


def _event(attributes: JsonObject, payload: JsonObject, received: int) -> Event:
    _check_version(attributes.get("specversion"))
    for name in _REQUIRED:
        if name not in attributes:
            raise Refused(f"the CloudEvent has no '{name}'", code="missing-field")
    source = identifier(attributes["source"], "source")
    native = {
        "id": attributes["id"],
        "event": identifier(attributes["type"], "type"),
        "occurred": attributes.get("time"),
        "resource": {"id": attributes.get("subject") or source, **_extensions(attributes)},
        "payload": payload,
    }
    return read_event(native, source=source, received=received, new_id=lambda: "")


def _check_version(version: JsonValue) -> None:
    if version is None:
        raise Refused("the CloudEvent has no 'specversion'", code="missing-field")
    if version != "1.0":
        raise Refused(f"'specversion' is '1.0', not {str(version)[:16]!r}", code="specversion")


def _extensions(attributes: JsonObject) -> dict[str, str]:
    return {name: _label(name, value) for name, value in attributes.items() if name not in _CORE}


def _label(name: str, value: JsonValue) -> str:
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise Refused(
            f"'{name[:64]}' is no attribute's name",
            code="bad-label",
            hint="CloudEvents attributes have lower-case letters and digits only",
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise Refused(f"'{name}' is text, an integer or a boolean, not {kind_of(value)}", code="bad-label")


def _structured_payload(data: JsonObject) -> JsonObject:
    encoded = data.get("data_base64")
    if encoded is None:
        return _payload(data.get("data"))
    if "data" in data:
        raise Refused("'data' and 'data_base64' exclude one another", code="bad-data")
    try:
        base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refused("'data_base64' is no base64 text", code="bad-data") from None
    return {"data_base64": encoded}


def _binary_payload(raw: bytes, media: str) -> JsonObject:
    if not raw:
        return {}
    if not media or media == "text/json" or is_json(media):
        return _payload(parse_json(raw))
    if media.startswith("text/"):
        try:
            return {"data": raw.decode()}
        except UnicodeDecodeError as error:
            raise Refused(f"byte {error.start} of the data is not UTF-8", code="bad-text") from None
    return {"data_base64": base64.b64encode(raw).decode()}


def _payload(data: JsonValue) -> JsonObject:
    if data is None:
        return {}
    return data if type(data) is dict else {"data": data}


def _header_text(name: str, value: str) -> str:
    """Undo the quoting and the percent encoding of the HTTP binding (section 3.1.3.2)."""
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        return unquote(text, errors="strict") if text.isascii() else text.encode("latin-1").decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise Refused(f"the header '{name[:64]}' is not UTF-8", code="bad-text") from None

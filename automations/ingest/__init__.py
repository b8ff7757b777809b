"""The door: bytes and headers to events. Pure."""

from automations.ingest.authentication import BearerTokens, OpenDoor
from automations.ingest.door import Item, Limits, Reading, WebhookSource, read_hook, read_request
from automations.ingest.mapping import CompiledMapping, HookMapping
from automations.ingest.native import DEFAULT_MAX_EVENT_BYTES, canonical, read_event
from automations.ingest.record import record_headers
from automations.ingest.strict_json import MAX_DEPTH, ParsedBody, parse_items, parse_json

__all__ = [
    "DEFAULT_MAX_EVENT_BYTES",
    "MAX_DEPTH",
    "BearerTokens",
    "CompiledMapping",
    "HookMapping",
    "Item",
    "Limits",
    "OpenDoor",
    "ParsedBody",
    "Reading",
    "WebhookSource",
    "canonical",
    "parse_items",
    "parse_json",
    "read_event",
    "read_hook",
    "read_request",
    "record_headers",
]

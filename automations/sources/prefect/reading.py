"""A Prefect event through our door."""

from __future__ import annotations

import json

from automations.errors import Refused
from automations.ingest import Item, Limits, read_request
from automations.model.document import JsonObject
from automations.model.moment import parse_moment

_FIELDS = ("event", "id", "occurred", "resource", "related", "payload")
_NATIVE = {"content-type": "application/json"}


def moments(event: JsonObject) -> tuple[int, int]:
    """Return (occurred, received) of an event as the server writes it. Refused `bad-time`."""
    try:
        return parse_moment(event["occurred"]), parse_moment(event["received"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"the event has no times: {error}", code="bad-time") from None


def read_prefect_event(event: JsonObject, *, source: str, now: int, limits: Limits) -> Item:
    """Read what the server tells of an event as the door reads a native one: the same limits, the same refusals.

    It was received when the server received it, but never later than `now`.
    """
    try:
        if not isinstance(event.get("id"), str):
            raise Refused("the event has no 'id'", code="missing-field")
        _, received = moments(event)
        native = {field: event.get(field) for field in _FIELDS}
        if isinstance(event.get("follows"), str):
            native["follows"] = f"{source}/{event['follows']}"
        raw = json.dumps(native).encode()
        return read_request(raw, _NATIVE, source=source, received=min(received, now), limits=limits).items[0]
    except Refused as refused:
        return refused

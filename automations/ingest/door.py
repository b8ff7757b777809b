"""The door: one request's bytes and headers to events, item by item."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from automations.errors import Refused
from automations.ingest import cloudevents
from automations.ingest.authentication import Authentication
from automations.ingest.content import media_type, require_json
from automations.ingest.mapping import CompiledMapping
from automations.ingest.native import DEFAULT_MAX_EVENT_BYTES, canonical, read_event
from automations.ingest.strict_json import parse_items, parse_json
from automations.model.document import JsonObject, JsonValue
from automations.model.event import Event

Item = Event | Refused | None
"""What became of one input; None: the mapping's `skip` dropped it."""

_PRIVATE_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
# Canonical JSON is never 8 times as long as what a sender wrote: `1e15` grows most, 4 characters to 18.
_GROWTH: Final = 8


def _random_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of one event's canonical JSON, and events in one request."""

    event_bytes: int = DEFAULT_MAX_EVENT_BYTES
    batch: int = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry per input, in order. `batch`: the sender sent a list."""

    items: Sequence[Item]
    batch: bool = False


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A source that is posted to at /hooks/NAME, with its secrets resolved."""

    name: str
    authentication: Authentication
    mapping: CompiledMapping | None = None


def read_request(
    raw: bytes,
    headers: Mapping[str, str],
    *,
    source: str,
    received: int,
    limits: Limits,
    new_id: Callable[[], str] = _random_id,
) -> Reading:
    """Read native events (one, or a list) or CloudEvents (structured, batch, binary), by the content type.

    `headers` have lower-case names. `source` becomes the native events' source. Refused is raised for what
    concerns the whole request: `bad-json` (400), `batch-too-large` (413), `unsupported-media-type` (415).
    """
    media = media_type(headers)

    def native(item: JsonValue) -> Event:
        return read_event(item, source=source, received=received, new_id=new_id)

    def structured(item: JsonValue) -> Event:
        return cloudevents.read_structured(item, received=received)

    if media in (cloudevents.STRUCTURED, cloudevents.BATCH):
        return _read_items(raw, structured, limits)
    if cloudevents.is_binary_mode(headers):
        return Reading([_binary(raw, headers, received, limits)])
    require_json(media)
    return _read_items(raw, native, limits)


def read_hook(
    hook: WebhookSource,
    raw: bytes,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    *,
    received: int,
    limits: Limits,
    new_id: Callable[[], str] = _random_id,
) -> Reading:
    """Read a webhook's body by its mapping; without one, as `read_request` does. Authentication comes before."""
    if hook.mapping is None:
        return read_request(raw, headers, source=hook.name, received=received, limits=limits, new_id=new_id)
    require_json(media_type(headers))
    try:
        context: JsonObject = {
            "body": parse_json(raw),
            "headers": {name: value for name, value in headers.items() if name not in _PRIVATE_HEADERS},
            "query": dict(query),
        }
        event = hook.mapping.apply(context, source=hook.name, received=received, new_id=new_id)
        return Reading([event if event is None else _bounded(event, limits)])
    except Refused as refused:
        return Reading([_own(refused)])


def _read_items(raw: bytes, read: Callable[[JsonValue], Event], limits: Limits) -> Reading:
    body = parse_items(raw, max_items=limits.batch)
    items = _read_each(body.items, read)
    if len(raw) * _GROWTH > limits.event_bytes:
        items = [_checked(item, limits) for item in items]
    return Reading(items, body.batch)


def _read_each(values: Iterable[JsonValue], read: Callable[[JsonValue], Event]) -> list[Item]:
    items: list[Item] = []
    for value in values:
        if isinstance(value, Refused):
            items.append(value)
            continue
        try:
            items.append(read(value))
        except Refused as refused:
            items.append(refused)
    return items


def _binary(raw: bytes, headers: Mapping[str, str], received: int, limits: Limits) -> Item:
    try:
        return _bounded(cloudevents.read_binary(raw, headers, received=received), limits)
    except Refused as refused:
        return _own(refused)


def _own(refused: Refused) -> Refused:
    """A refusal of this one event; what is no JSON at all concerns the whole request and is raised."""
    if refused.status != 422:
        raise refused
    return refused


def _checked(item: Item, limits: Limits) -> Item:
    try:
        return _bounded(item, limits) if isinstance(item, Event) else item
    except Refused as refused:
        return refused


def _bounded(event: Event, limits: Limits) -> Event:
    canonical(event, max_bytes=limits.event_bytes)
    return event

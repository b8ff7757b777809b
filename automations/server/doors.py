"""The two doors that events come in by.

Plain routes: a validated response model would cost more than the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from automations.errors import NotFoundError, Refused
from automations.ingest import Reading, WebhookSource, read_hook, read_request
from automations.model.event import Event
from automations.server.body import header_map, read_body
from automations.server.problems import problem
from automations.server.services import DoorServices, door_services_of


async def post_events(request: Request) -> Response:
    """Native events, one or a list, or CloudEvents."""
    services, headers = door_services_of(request), header_map(request)
    raw = await read_body(request, headers)
    reading = read_request(raw, headers, source="api", received=services.clock.now(), limits=services.limits)
    return await _accept(services, reading)


async def post_hook(request: Request) -> Response:
    """What a source of ours sends; its authentication comes before its body is read."""
    services, headers = door_services_of(request), header_map(request)
    hook = _hook(services, request.path_params["source"])
    hook.authentication.check(headers)
    raw = await read_body(request, headers)
    reading = read_hook(
        hook, raw, headers, request.query_params, received=services.clock.now(), limits=services.limits
    )
    return await _accept(services, reading)


ROUTES = (
    Route("/api/events", post_events, methods=["POST"]),
    Route("/hooks/{source}", post_hook, methods=["POST"]),
)


def _hook(services: DoorServices, name: str) -> WebhookSource:
    hook = services.sources().get(name)
    if hook is None:
        raise NotFoundError(f"there is no webhook source named {name!r}", hint="sources.yaml declares them")
    return hook


async def _accept(services: DoorServices, reading: Reading) -> Response:
    """Hand in what was read, all at once, and answer for each input once that is durable."""
    events = [item for item in reading.items if isinstance(item, Event)]
    accepted = await services.door.accept(events) if events else None
    duplicates = sum(accepted.duplicates) if accepted else 0
    answer = answer_of(reading, len(events) - duplicates, duplicates)
    _count(services, reading, answer)
    if events or "skipped" in answer:
        return Response(orjson.dumps(answer), 202, media_type="application/json")
    return _nothing_accepted(reading, answer)


def answer_of(reading: Reading, accepted: int, duplicates: int) -> dict[str, Any]:
    """The answer for each input, in order."""
    answer: dict[str, Any] = {
        "accepted": accepted,
        "duplicates": duplicates,
        "refused": [
            {"index": index, "code": item.code, "detail": _detail(item)}
            for index, item in enumerate(reading.items)
            if isinstance(item, Refused)
        ],
        "ids": [item.id if isinstance(item, Event) else None for item in reading.items],
    }
    skipped = sum(item is None for item in reading.items)
    return {**answer, "skipped": skipped} if skipped else answer


def _detail(refused: Refused) -> str:
    return f"{refused.message}; {refused.hint}" if refused.hint else refused.message


def _count(services: DoorServices, reading: Reading, answer: Mapping[str, Any]) -> None:
    metrics = services.metrics
    metrics.accepted.inc(answer["accepted"])
    metrics.duplicates.inc(answer["duplicates"])
    metrics.skipped.inc(answer.get("skipped", 0))
    for item in reading.items:
        if isinstance(item, Refused):
            metrics.refused.labels(item.code).inc()


def _nothing_accepted(reading: Reading, answer: Mapping[str, Any]) -> Response:
    if reading.batch or not answer["refused"]:
        detail = f"none of the {len(reading.items)} events can be accepted"
        return problem(422, "nothing-accepted", detail, **answer)
    refused = answer["refused"][0]
    return problem(422, refused["code"], refused["detail"], **answer)

"""What happened: events, firings and actions, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from automations.model.action import ActionState
from automations.server.paging import Cursor, Limit
from automations.server.services import ServingOperations
from automations.server.views import ActionView, EventView, FiringView, ListView, TraceView

router = APIRouter(prefix="/api", tags=["records"])


@router.get("/events", summary="Stored events")
async def list_events(
    services: ServingOperations,
    limit: Limit = 50,
    cursor: Cursor = None,
    name: Annotated[str | None, Query(description="The event's name; * stands for anything")] = None,
    resource: Annotated[str | None, Query(description="The resource's id")] = None,
) -> ListView[EventView]:
    """Return a page of events."""
    page = await services.store.reads.events(limit=limit, cursor=cursor, name=name, resource=resource)
    return ListView(items=[EventView.of(event) for event in page.items], next=page.next)


@router.get("/events/{ref:path}/trace", summary="What became of an event")
async def get_trace(ref: str, services: ServingOperations) -> TraceView:
    """Tell for each automation why the event fired it, or the first condition that it did not meet."""
    event = await services.store.reads.event(ref)
    trace = await services.store.reads.trace(event)
    return TraceView.model_validate({"event": event.ref, "automations": services.engine.explain(event, trace)})


@router.get("/stream", summary="What happens, as server-sent events", response_class=EventSourceResponse)
async def stream(services: ServingOperations) -> AsyncIterator[ServerSentEvent]:
    """Send events and firings from now on, each as `type` with its JSON; `lost` tells how many were let go."""
    async for message in services.engine.messages():
        yield ServerSentEvent(event=message["type"], data=message)


@router.get("/events/{ref:path}", summary="One event")
async def get_event(ref: str, services: ServingOperations) -> EventView:
    """Find by `source/id`, or by a bare id while it is unique."""
    return EventView.of(await services.store.reads.event(ref))


@router.get("/firings", summary="Firings")
async def list_firings(
    services: ServingOperations,
    limit: Limit = 50,
    cursor: Cursor = None,
    automation: str | None = None,
    event: Annotated[str | None, Query(description="The event's `source/id`")] = None,
) -> ListView[FiringView]:
    """Return a page of firings."""
    page = await services.store.reads.firings(limit=limit, cursor=cursor, automation=automation, event=event)
    return ListView(items=[FiringView.of(firing) for firing in page.items], next=page.next)


@router.get("/actions", summary="Actions")
async def list_actions(
    services: ServingOperations,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: ActionState | None = None,
    automation: str | None = None,
    firing: str | None = None,
) -> ListView[ActionView]:
    """Return a page of actions."""
    page = await services.store.reads.actions(
        limit=limit, cursor=cursor, state=state, automation=automation, firing=firing
    )
    return ListView(items=[ActionView.of(row) for row in page.items], next=page.next)

"""How a gateway goes: ready, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from automations.server.problems import problem
from automations.server.services import ServingDoors


def router_of(ready: Callable[[], Awaitable[str | None]]) -> APIRouter:
    """The routes of one gateway. `ready` tells what is missing."""
    router = APIRouter(tags=["status"])

    @router.get("/readyz", summary="Ready: what takes the events answers", response_model=dict[str, str])
    async def readyz() -> Any:
        """Answer 200, or a problem with what is missing (503)."""
        missing = await ready()
        return {"status": "ready"} if missing is None else problem(503, "not-ready", missing)

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def get_metrics(services: ServingDoors) -> Response:
        """Return the text format."""
        return Response(services.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router

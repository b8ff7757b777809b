"""How a gateway goes: ready, and what its read model says of the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter

from automations.server.problems import problem
from automations.server.routes.status import status_of
from automations.server.services import ServingOperations
from automations.server.views import GatewayStatusView


def router_of(ready: Callable[[], Awaitable[str | None]], behind: Callable[[], int | None]) -> APIRouter:
    """The routes of one gateway. `ready` tells what is missing, `behind` how much is still to be read."""
    router = APIRouter(tags=["status"])

    @router.get("/readyz", summary="Ready: what takes the events answers", response_model=dict[str, str])
    async def readyz() -> Any:
        """Answer 200, or a problem with what is missing (503)."""
        missing = await ready()
        return {"status": "ready"} if missing is None else problem(503, "not-ready", missing)

    @router.get("/api/status", summary="The ledger, the rules, the sinks")
    async def get_status(services: ServingOperations) -> GatewayStatusView:
        """Return the counts of one moment, as far as the read model has come; they always add up."""
        status = await status_of(services)
        return GatewayStatusView(**status.model_dump(), behind=behind())

    return router

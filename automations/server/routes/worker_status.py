"""How a worker goes: ready, status, metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from automations.ports import StageStatus, WorkerStatus
from automations.server.metrics import WorkerMetrics
from automations.server.problems import problem


def router_of(status: Callable[[], WorkerStatus]) -> APIRouter:
    """The routes of one worker."""
    router = APIRouter(tags=["status"])
    metrics = WorkerMetrics()

    @router.get("/readyz", summary="Ready: rules are loaded, state is restored", response_model=dict[str, str])
    async def readyz() -> Any:
        """Answer 200, or a problem with what is missing (503)."""
        missing = status().missing
        return {"status": "ready"} if missing is None else problem(503, "not-ready", missing)

    @router.get("/api/status", summary="The rules, the stages, their partitions", response_model=dict[str, Any])
    async def get_status() -> Any:
        """Return what this worker works on, and how far it is."""
        now = status()
        return {
            "ready": now.missing is None,
            "missing": now.missing,
            "revision": now.revision,
            "automations": now.automations,
            "stages": {stage.name: _stage(stage) for stage in now.stages},
        }

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def get_metrics() -> Response:
        """Return the text format."""
        return Response(metrics.render(status()), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


def _stage(stage: StageStatus) -> dict[str, Any]:
    told = asdict(stage)
    del told["name"]
    told["partitions"] = [{**asdict(partition), "lag": partition.lag} for partition in stage.partitions]
    return {**told, "lag": sum(partition.lag for partition in stage.partitions)}

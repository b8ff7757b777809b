"""Work pools."""

from __future__ import annotations

from fastapi import APIRouter

from automations.server.services import Serving
from automations.server.views import ListView, WorkPoolView

router = APIRouter(prefix="/api/work-pools", tags=["work pools"])


@router.get("", summary="All work pools")
async def list_work_pools(services: Serving) -> ListView[WorkPoolView]:
    """Return every work pool, by name."""
    return ListView(items=[WorkPoolView.of(pool) for pool in services.jobs.work_pools()])


@router.get("/{name}", summary="One work pool")
async def get_work_pool(name: str, services: Serving) -> WorkPoolView:
    """Return the pool with the schema of its job variables."""
    return WorkPoolView.of(services.jobs.work_pool(name))


@router.post("/{name}/pause", summary="Pause a work pool")
async def pause(name: str, services: Serving) -> WorkPoolView:
    """Its runs wait until it is resumed; those that run go on."""
    await services.engine.set_paused("work-pool", name, True)
    return WorkPoolView.of(services.jobs.work_pool(name))


@router.post("/{name}/resume", summary="Resume a work pool")
async def resume(name: str, services: Serving) -> WorkPoolView:
    """Let its runs start again."""
    await services.engine.set_paused("work-pool", name, False)
    return WorkPoolView.of(services.jobs.work_pool(name))

"""Work pools."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import RootModel
from starlette.requests import Request

from automations.server.body import read_document
from automations.server.guards import caller
from automations.server.openapi import request_body
from automations.server.services import Serving
from automations.server.views import DeployedView, ListView, WorkPoolView

router = APIRouter(prefix="/api/work-pools", tags=["work pools"])


class WorkPoolRequest(RootModel[dict[str, Any]]):
    """An entry of `work_pools` in a deployment file."""


@router.get("", summary="All work pools")
async def list_work_pools(services: Serving) -> ListView[WorkPoolView]:
    """Return every work pool, by name."""
    return ListView(items=[WorkPoolView.of(pool) for pool in services.jobs.work_pools()])


@router.get("/{name}", summary="One work pool")
async def get_work_pool(name: str, services: Serving) -> WorkPoolView:
    """Return the pool with the schema of its job variables."""
    return WorkPoolView.of(services.jobs.work_pool(name))


@router.put(
    "/{name}",
    summary="Make or change a work pool",
    status_code=201,
    openapi_extra=request_body(WorkPoolRequest),
    responses={200: {"model": DeployedView, "description": "It was there before"}},
)
async def put_work_pool(
    name: str, request: Request, response: Response, services: Serving, *, overwrite: bool = True
) -> DeployedView:
    """Make a work pool, or change it; with `overwrite=false` 409 where it is there."""
    wanted = await read_document(request, WorkPoolRequest)
    outcome = await services.deployer.put_work_pool(name, wanted.root, caller(request), overwrite=overwrite)
    response.status_code = 201 if outcome.created else 200
    return DeployedView.of(outcome)


@router.delete("/{name}", status_code=204, summary="Archive a work pool")
async def archive(name: str, services: Serving) -> None:
    """Forget a work pool; 422 while a deployment runs there."""
    await services.deployer.remove("work-pool", name)


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

"""Automations: what is in force, paused or not."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from automations.errors import NotFoundError
from automations.server.services import OperationServices, ServingOperations
from automations.server.views import ListView

router = APIRouter(prefix="/api/automations", tags=["automations"])


@router.get("", summary="All automations")
async def list_automations(services: ServingOperations) -> ListView[dict[str, Any]]:
    """Return every automation: its document, `paused`, `location` and `stateless`."""
    return ListView(items=list(services.engine.automations()))


@router.get("/{name:path}", summary="One automation")
async def get_automation(name: str, services: ServingOperations) -> dict[str, Any]:
    """Return an automation by its name."""
    return _find(services, name)


@router.post("/{name:path}/pause", summary="Pause an automation")
async def pause(name: str, services: ServingOperations) -> dict[str, Any]:
    """Events pass it by until it is resumed."""
    await services.engine.set_paused("automation", name, True)
    return _find(services, name)


@router.post("/{name:path}/resume", summary="Resume an automation")
async def resume(name: str, services: ServingOperations) -> dict[str, Any]:
    """Let it take part again, from the next event on."""
    await services.engine.set_paused("automation", name, False)
    return _find(services, name)


def _find(services: OperationServices, name: str) -> dict[str, Any]:
    for automation in services.engine.automations():
        if automation["name"] == name:
            return automation
    raise NotFoundError(f"there is no automation named {name!r}")

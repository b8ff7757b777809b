"""Dead letters: what could not be carried out, until somebody decides."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from automations.server.paging import Cursor, Limit
from automations.server.services import ServingOperations
from automations.server.views import DeadLetterView, ListView, RedrivenView

router = APIRouter(prefix="/api/dead-letters", tags=["dead letters"])


@router.get("", summary="Dead letters")
async def list_dead_letters(
    services: ServingOperations,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Literal["open", "redriven", "discarded", "all"] = "open",
) -> ListView[DeadLetterView]:
    """Return a page of dead letters; open ones unless told otherwise."""
    wanted = None if state == "all" else state
    page = await services.store.reads.dead_letters(limit=limit, cursor=cursor, state=wanted)
    return ListView(items=[DeadLetterView.of(letter) for letter in page.items], next=page.next)


@router.get("/{dead_letter:path}", summary="One dead letter")
async def get_dead_letter(dead_letter: str, services: ServingOperations) -> DeadLetterView:
    """Return a dead letter by its id."""
    return DeadLetterView.of(await services.store.reads.dead_letter(dead_letter))


@router.post("/{dead_letter:path}/redrive", summary="Try a dead action again")
async def redrive(dead_letter: str, services: ServingOperations) -> RedrivenView:
    """Plan the action anew, under a new id; in a cluster a letter may hold an event, which is sent again."""
    return RedrivenView(action=await services.engine.redrive(dead_letter))


@router.post("/{dead_letter:path}/discard", summary="Give a dead letter up")
async def discard(dead_letter: str, services: ServingOperations) -> DeadLetterView:
    """Mark an open dead letter as discarded; it stays on record."""
    await services.engine.discard(dead_letter)
    return DeadLetterView.of(await services.store.reads.dead_letter(dead_letter))

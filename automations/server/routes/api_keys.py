"""API keys: made, listed, revoked; the scope `admin` is needed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from automations.errors import ConflictError
from automations.model.document import Document
from automations.server.body import read_document
from automations.server.keys import Scope, new_api_key
from automations.server.openapi import request_body
from automations.server.services import ServingDoors
from automations.server.views import ApiKeyView, ListView, NewApiKeyView

router = APIRouter(prefix="/api/api-keys", tags=["API keys"])


class ApiKeyRequest(Document):
    """A name that tells people where the key is used, and what it may do."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    scopes: Annotated[tuple[Scope, ...], Field(strict=False, min_length=1)]


@router.get("", summary="All keys")
async def list_keys(services: ServingDoors) -> ListView[ApiKeyView]:
    """Return all keys, revoked ones too, without their secrets."""
    return ListView(items=[ApiKeyView.of(key) for key in await services.store.reads.api_keys()])


@router.post("", status_code=201, summary="Make a key", openapi_extra=request_body(ApiKeyRequest))
async def create_key(request: Request, services: ServingDoors) -> NewApiKeyView:
    """Make a key; its text is in this answer and nowhere else."""
    wanted = await read_document(request, ApiKeyRequest)
    if any(key.name == wanted.name and key.revoked is None for key in await services.store.reads.api_keys()):
        raise ConflictError(f"there is a key named {wanted.name!r}", code="key-exists", hint="revoke it first")
    key, text = new_api_key(wanted.name, wanted.scopes, services.clock.now())
    await services.store.write(lambda tx: tx.add_api_key(key))
    services.keyring.forget()
    return NewApiKeyView(**ApiKeyView.of(key).model_dump(), key=text)


@router.post("/{key}/revoke", status_code=204, summary="Revoke a key")
async def revoke(key: str, services: ServingDoors) -> None:
    """Revoke by id or name: the key ends at once."""
    now = services.clock.now()
    await services.store.write(lambda tx: tx.revoke_api_key(key, now))
    services.keyring.forget()

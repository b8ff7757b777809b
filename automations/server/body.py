"""Request bodies: bounded while they are read, and strict JSON."""

from __future__ import annotations

from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from automations.errors import Refused
from automations.ingest import parse_json
from automations.ingest.content import media_type, require_json
from automations.server.services import door_services_of

M = TypeVar("M", bound=BaseModel)


def header_map(request: Request) -> dict[str, str]:
    """Return the headers by their names in lower case; of a repeated one, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}


async def read_body(request: Request, headers: dict[str, str]) -> bytes:
    """Return the raw body. Refused `body-too-large` (413) as soon as it is, `unsupported-encoding` (415)."""
    limit = door_services_of(request).settings.max_body_bytes
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("the body is compressed", code="unsupported-encoding", status=415, hint="send it plain")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_document(request: Request, model: type[M]) -> M:
    """Read a JSON body into a model; no body at all is an empty object. RequestValidationError, Refused."""
    headers = header_map(request)
    raw = await read_body(request, headers)
    if raw:
        require_json(media_type(headers))
    try:
        return model.model_validate(parse_json(raw) if raw else {})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def _too_large(limit: int) -> Refused:
    return Refused(f"the body is larger than {limit} bytes", code="body-too-large", status=413)

"""Errors as problem documents (RFC 9457): type, title, status, detail, and our stable `code`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from automations.errors import (
    AutomationsError,
    BadCursorError,
    ConflictError,
    DeployErrors,
    JobVariableErrors,
    NotFoundError,
    PrepareError,
    Refused,
    StoreUnavailableError,
)
from automations.server.services import door_services_of

log = structlog.get_logger()
RETRY_AFTER: Final = {"Retry-After": "1"}
"""Seconds; a group commit takes milliseconds, a full backlog some seconds."""
_STATUS: Final[tuple[tuple[type[AutomationsError], int], ...]] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (BadCursorError, 422),
    (JobVariableErrors, 422),
    (DeployErrors, 422),
    (PrepareError, 422),
    (StoreUnavailableError, 503),
)
_AWAY: Final = "what takes the events cannot be reached now; send the same again, under the same ids"
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Return the answer. Members that are None are left out."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **{name: value for name, value in members.items() if value is not None},
    }
    return Response(
        orjson.dumps(body),
        status,
        media_type="application/problem+json",
        headers={**_HEADERS.get(status, {}), **(headers or {})},
    )


def problem_of(error: AutomationsError) -> Response:
    """Return the problem that an error of ours is; one that no caller can mend is a 500 without details."""
    if isinstance(error, Refused):
        return problem(error.status, error.code, error.message, hint=error.hint)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", code=error.code, error=str(error))
    if isinstance(error, StoreUnavailableError):
        return problem(503, error.code, "the store cannot be written or read now; nothing was kept")
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(503, error.code, _AWAY) if error.recoverable else _internal_error()
    errors = error.errors if isinstance(error, JobVariableErrors | DeployErrors) else None
    return problem(status, error.code, error.message, hint=error.hint, errors=errors)


def install_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(AutomationsError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, AutomationsError)  # noqa: S101  the registration says so
    if isinstance(error, Refused):
        door_services_of(request).metrics.refused.labels(error.code).inc()
    return problem_of(error)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  the registration says so
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  the registration says so
    errors = [{"at": ".".join(map(str, found["loc"])), "message": found["msg"]} for found in error.errors()]
    return problem(422, "bad-request", "; ".join(f"{e['at']}: {e['message']}" for e in errors), errors=errors)


async def _gone(_request: Request, _error: Exception) -> Response:
    return problem(400, "disconnected", "the client went away")


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_crashed", method=request.method, path=request.url.path, exc_info=error)
    return _internal_error()


def _internal_error() -> Response:
    return problem(500, "internal", "something went wrong here; the log has the details")

"""Who may call: keys beyond loopback, and on loopback no web site through a visitor's browser."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from automations.errors import AutomationsError
from automations.server import keys
from automations.server.problems import problem, problem_of
from automations.server.services import GuardServices

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN: Final = frozenset({"/healthz", "/readyz"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class LoopbackGuard:
    """Serves requests that name this machine. A Host of another name is DNS rebinding; a foreign Origin on
    a request that changes something is a web site's doing.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: frozenset[str]) -> None:
        self._app = app
        self._allowed = _LOOPBACK | {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or answer 403."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if _hostname(f"//{headers.get('host', '')}") not in self._allowed:
            return problem(403, "foreign-host", "the Host header does not name this machine", hint=_HINT)
        origin = headers.get("origin")
        if origin is not None and scope["method"] not in _SAFE_METHODS and _hostname(origin) not in self._allowed:
            return problem(403, "foreign-origin", "a page of another site may not do this", hint=_HINT)
        return None


_HINT: Final = "name the host in allowed_hosts, or bind beyond loopback and use API keys"


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


class KeyGuard:
    """Serves requests that carry a key with the scope that the call needs. What is not listed needs `admin`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or answer 401 or 403."""
        refusal = await self._refusal(scope, receive) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope, receive: Receive) -> Response | None:
        wanted = needed_scope(scope["method"], scope["path"])
        if wanted is None:
            return None
        scheme, _, text = Headers(scope=scope).get("authorization", "").partition(" ")
        try:
            services: GuardServices = Request(scope, receive).app.state.services
            found = await services.keyring.find(text.strip())
        except AutomationsError as error:
            return problem_of(error)
        if scheme.lower() != "bearer" or found is None:
            return problem(401, "unauthorized", "an API key is needed", hint="send Authorization: Bearer KEY")
        if not keys.allows(found, wanted):
            return problem(403, "forbidden", f"the key {found.name!r} has no scope {wanted!r}")
        scope["caller"] = f"api key {found.name}"
        return None


def needed_scope(method: str, path: str) -> keys.Scope | None:
    """Return the scope that a call needs; None where it is open, or a source's own authentication decides."""
    if path in _OPEN or path.startswith("/hooks/"):
        return None
    if method == "POST" and path == "/api/events":
        return "ingest"
    return "read" if method in _SAFE_METHODS and not path.startswith("/api/api-keys") else "admin"


def caller(request: Request) -> str:
    """Who is calling, for the record: `api key NAME`, or `api`."""
    found: str = request.scope.get("caller", "api")
    return found

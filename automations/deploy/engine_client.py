"""How a program deploys to a running engine."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote

import orjson

from automations.address import DEFAULT_URL
from automations.errors import AutomationsError, DeployErrors
from automations.model.document import JsonObject

_TIMEOUT: Final = 60.0
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Never by a proxy of the environment: it would read the API key. The CLI's client does the same."""


def put_deployment(name: str, document: JsonObject) -> JsonObject:
    """Send one deployment; returns what the engine answers. DeployErrors, AutomationsError."""
    url = (os.environ.get("AUTOMATIONS_API_URL") or DEFAULT_URL).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise AutomationsError(f"AUTOMATIONS_API_URL is {url!r}", code="bad-url", hint="write http://HOST:PORT")
    request = urllib.request.Request(  # noqa: S310  of these two schemes alone
        f"{url}/api/deployments/{quote(name)}", _body(document), _headers(), method="PUT"
    )
    try:
        with _DIRECT.open(request, timeout=_TIMEOUT) as response:
            return _answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.code, error.read()) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise AutomationsError(
            f"no engine answers at {url} ({reason})",
            code="unreachable",
            hint="start it with 'automations serve', or set AUTOMATIONS_API_URL",
        ) from None


def _body(document: JsonObject) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise AutomationsError(
            f"the deployment cannot be written as JSON: {error}",
            code="bad-deployment",
            hint="give parameters and job variables as JSON values",
        ) from None


def _answer(status: int, raw: bytes) -> JsonObject:
    answer = _object(raw)
    if answer is None:
        raise AutomationsError(
            f"what answered HTTP {status} is no engine", code="refused", hint="check AUTOMATIONS_API_URL"
        )
    return answer


def _object(raw: bytes) -> JsonObject | None:
    try:
        found: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _headers() -> dict[str, str]:
    key = os.environ.get("AUTOMATIONS_API_KEY", "").strip()
    return {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}


def _refusal(status: int, raw: bytes) -> AutomationsError:
    problem = _object(raw) or {}
    if problem.get("errors"):
        return DeployErrors(problem["errors"])
    detail = problem.get("detail") or f"the engine answered HTTP {status}"
    return AutomationsError(detail, code=problem.get("code", "refused"), hint=problem.get("hint"))

"""Requests to Prefect's REST API, and what its answers mean for a delivery."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from automations.errors import AutomationsError
from automations.model.moment import SECOND
from automations.model.secret import SecretReference
from automations.sinks.prefect.settings import PrefectSettings
from automations.sinks.retry_after import parse_retry_after

ReadSecret = Callable[[SecretReference], str]
"""SettingsError where the secret is not set."""

_TRANSIENT: Final = frozenset({408, 425, 429})
_SHOWN: Final = 500
"""Characters of the server's reason that a dead letter quotes."""


class PrefectUnavailableError(AutomationsError):
    """The server gave no answer that counts. `after` is how long it asks us to wait, in microseconds; `status` is
    that of its answer, None where there was none.
    """

    code = "prefect-unavailable"
    recoverable = True

    def __init__(self, message: str, *, after: int | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.after, self.status = after, status


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that counts: 2xx, or a refusal for good. `body` is its JSON, None where it has none."""

    status: int
    body: Any

    @property
    def accepted(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """Why the server refuses, in its own words."""
        said = self.body
        if isinstance(said, dict):
            said = said.get("detail") or said.get("exception_detail") or said.get("exception_message") or said
        text = said if isinstance(said, str) else orjson.dumps(said).decode()
        return f"Prefect answered {self.status}: {text[:_SHOWN]}"


def path(*steps: str) -> str:
    """Join steps to a path below the API's address; a step is one segment, whatever it holds."""
    return "".join(f"/{quote(step, safe='')}" for step in steps)


class PrefectApi:
    """One server. Secrets are read at once, connections are opened at the first request and kept."""

    def __init__(self, settings: PrefectSettings, secret: ReadSecret) -> None:
        self._url, self._timeout = settings.api_url, settings.timeout / SECOND
        self._headers = {"Content-Type": "application/json", **_authorization(settings, secret)}
        self._opened: aiohttp.ClientSession | None = None

    async def call(self, method: str, below: str, body: Any = None) -> Answer:
        """Send one request; `below` comes from `path`, `body` is JSON.

        Raises PrefectUnavailableError on 408, 425, 429, 5xx, timeouts, broken connections, and a 2xx that is no
        JSON: something other than Prefect answered.
        """
        content = None if body is None else orjson.dumps(body)
        try:
            async with self._session().request(
                method, self._url + below, data=content, allow_redirects=False
            ) as response:
                return _answer(response, await response.read())
        except TimeoutError:
            raise PrefectUnavailableError(f"Prefect gave no answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise PrefectUnavailableError(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened


def _authorization(settings: PrefectSettings, secret: ReadSecret) -> dict[str, str]:
    """Cloud takes a key; a server behind a user name and password takes those."""
    if settings.api_key is not None:
        return {"Authorization": f"Bearer {secret(settings.api_key)}"}
    if settings.auth_string is not None:
        encoded = base64.b64encode(secret(settings.auth_string).encode()).decode()
        return {"Authorization": f"Basic {encoded}"}
    return {}


def _answer(response: aiohttp.ClientResponse, content: bytes) -> Answer:
    status = response.status
    if status in _TRANSIENT or status >= 500:
        after = parse_retry_after(response.headers.get("Retry-After"), time.time())
        said = f"Prefect answered {status} {response.reason or ''}".rstrip()
        raise PrefectUnavailableError(said, after=after, status=status)
    try:
        return Answer(status, orjson.loads(content) if content else None)
    except orjson.JSONDecodeError:
        if status >= 300:
            return Answer(status, content.decode(errors="replace").strip())
        raise PrefectUnavailableError(
            f"what answered {status} at the API's address is no Prefect server; is the address right?"
        ) from None

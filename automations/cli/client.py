"""The commands' way to a running engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp

from automations.errors import AutomationsError

T = TypeVar("T")

DEFAULT_URL: Final = "http://127.0.0.1:4280"
_ATTEMPTS: Final = 6
_BUSY: Final = frozenset({429, 503})
_PAGE: Final = 200


class UnreachableError(AutomationsError):
    """No engine answers at the address."""

    code = "unreachable"


class ApiError(AutomationsError):
    """The engine refused; `status` is HTTP's, `document` the whole problem document."""

    code = "refused"

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        detail = str(document.get("detail") or document.get("title") or f"HTTP {status}")
        super().__init__(detail, code=str(document.get("code") or "refused"), hint=document.get("hint"))
        self.status, self.document = status, document


def segment(text: str) -> str:
    """Quote an id or name for a path; slashes stay, as the routes take them."""
    return quote(text, safe="/")


class Client:
    """One connection to an engine. Use it in `async with`."""

    def __init__(self, url: str | None = None) -> None:
        self.url = (url or os.environ.get("AUTOMATIONS_API_URL") or DEFAULT_URL).rstrip("/")
        key = os.environ.get("AUTOMATIONS_API_KEY")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **params: str | int | None) -> Any:
        """Read; parameters that are None are left out."""
        given = {name: str(value) for name, value in params.items() if value is not None}
        return await self._once("GET", path, params=given)

    async def post(self, path: str, body: Any = None) -> Any:
        """Write, once: nothing is sent again unless the engine can tell the repetition."""
        return await self._once("POST", path, json=body)

    async def post_again(self, path: str, body: Any) -> Any:
        """Write what carries its own ids: sent again while the engine is away or busy."""
        for attempt in range(_ATTEMPTS):
            try:
                return await self._once("POST", path, json=body)
            except (UnreachableError, ApiError) as error:
                busy = isinstance(error, UnreachableError) or error.status in _BUSY
                if not busy or attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def items(self, path: str, limit: int, **params: str | int | None) -> AsyncIterator[Any]:
        """Yield the items of a listing, page after page, at most `limit`."""
        cursor: str | None = None
        while limit > 0:
            page = await self.get(path, limit=min(limit, _PAGE), cursor=cursor, **params)
            for item in page["items"]:
                yield item
            limit -= len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    async def _once(self, method: str, path: str, **options: Any) -> Any:
        if self._session is None:
            raise RuntimeError("the client is used outside of 'async with'")
        try:
            async with self._session.request(method, self.url + path, **options) as response:
                document = await _document(response)
        except (aiohttp.ClientConnectionError, TimeoutError, OSError) as error:
            raise UnreachableError(
                f"no engine answers at {self.url}: {error}",
                hint="start it with 'automations serve', or set AUTOMATIONS_API_URL",
            ) from None
        if response.status >= 400:
            raise ApiError(response.status, document if isinstance(document, dict) else {"detail": str(document)})
        return document


async def _document(response: aiohttp.ClientResponse) -> Any:
    if response.content_type.endswith("json"):
        return await response.json(content_type=None)
    return await response.text()


def with_client(work: Callable[[Client], Awaitable[T]], url: str | None = None) -> T:
    """Run `work` with a client, to its end."""

    async def run() -> T:
        async with Client(url) as client:
            return await work(client)

    return asyncio.run(run())

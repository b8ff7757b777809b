"""The commands' way to a running engine."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click
import orjson

from automations.address import DEFAULT_URL
from automations.cli.output import say
from automations.errors import AutomationsError

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

_TIMEOUT: Final = 60.0
_DELAYS: Final = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
_LONGEST_WAIT: Final = 30.0
_BUSY: Final = frozenset({429, 502, 503, 504})
_PAGE: Final = 200
_LISTED_BY: Final = {
    "automations": "ls",
    "events": "events ls",
    "runs": "run ls",
    "dead-letters": "dead-letters ls --state all",
    "deployments": "deployment ls",
    "work-pools": "work-pool ls",
    "api-keys": "api-key ls",
}


class UnreachableError(AutomationsError):
    """No engine answers at the address."""

    code = "unreachable"
    recoverable = True


class ApiError(AutomationsError):
    """The engine refused; `status` is HTTP's, `document` the whole problem document, `wait` is in seconds."""

    code = "refused"

    def __init__(self, status: int, document: Mapping[str, Any], *, hint: str | None, wait: float) -> None:
        detail = str(document.get("detail") or document.get("title") or f"HTTP {status}")
        super().__init__(detail, code=str(document.get("code") or "refused"), hint=hint)
        self.status, self.document, self.wait = status, document, wait
        self.recoverable = status in _BUSY


def segment(text: str) -> str:
    """Quote an id or name for a path; slashes stay, as the routes take them."""
    return quote(text, safe="/", errors="surrogateescape")


class Client:
    """One connection to an engine. Use it in `async with`. UsageError for an address or key that cannot be one."""

    def __init__(self, url: str | None = None) -> None:
        self.url = _address(url or os.environ.get("AUTOMATIONS_API_URL") or DEFAULT_URL)
        self._headers = _key_header(os.environ.get("AUTOMATIONS_API_KEY", "").strip())
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Client:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def get(self, path: str, **params: str | int | None) -> Any:
        """Read; parameters that are None are left out."""
        given = {name: str(value) for name, value in params.items() if value is not None}
        return await self._request("GET", path, params=given)

    async def post(self, path: str, body: Any = None) -> Any:
        """Write, once: nothing is sent again unless the engine can tell the repetition. Bytes are JSON already."""
        if body is None:
            return await self._request("POST", path)
        headers = {"content-type": "application/json"}
        return await self._request("POST", path, data=_encode(body), headers=headers)

    async def put(self, path: str, body: Any, **params: str) -> Any:
        """Make or change."""
        headers = {"content-type": "application/json"}
        query = f"?{urlencode(params)}" if params else ""
        return await self._request("PUT", path + query, data=_encode(body), headers=headers)

    async def delete(self, path: str) -> None:
        """Delete."""
        await self._request("DELETE", path)

    async def post_again(self, path: str, body: Any) -> Any:
        """Write what carries its own ids: sent again, unchanged, while the engine is away or busy."""
        for attempt, delay in enumerate(_DELAYS):
            try:
                return await self.post(path, body)
            except (UnreachableError, ApiError) as error:
                if not error.recoverable:
                    raise
                if attempt == 0:
                    say(f"{error.message}; trying again")
                wait = error.wait if isinstance(error, ApiError) else 0.0
            await asyncio.sleep(max(delay, wait))
        return await self.post(path, body)

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

    async def stream(self, path: str) -> AsyncIterator[Any]:
        """Yield the JSON of server-sent events as they come, until the engine ends the stream."""
        import aiohttp

        endless = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT)
        try:
            async with self._session.get(self.url + path, timeout=endless, allow_redirects=False) as response:
                if response.status != 200:
                    self._answer(path, response, await response.read())
                async for line in response.content:
                    if line.startswith(b"data:"):
                        yield orjson.loads(line.removeprefix(b"data:"))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(self.url, error) from None

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        """Send, once. A redirect is not followed: no engine redirects, and the key is not for others."""
        import aiohttp
        from yarl import URL

        url = URL(self.url + path, encoded=True)  # as it stands: an id may hold '..' or '%'
        try:
            async with self._session.request(method, url, allow_redirects=False, **options) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(self.url, error) from None
        return self._answer(path, response, raw)

    def _answer(self, path: str, response: aiohttp.ClientResponse, raw: bytes) -> Any:
        document = _document(raw)
        if response.status < 300 and (document is not None or not raw):
            return document
        if response.status < 300 or not isinstance(document, dict):
            title = f"{self.url} answers HTTP {response.status} without JSON, which no engine does"
            document = {"title": title, "hint": "check AUTOMATIONS_API_URL"}
        hint = _hint(response.status, path, document.get("hint"))
        raise ApiError(response.status, document, hint=hint, wait=_seconds(response.headers.get("retry-after")))


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or parts.query or parts.fragment:
        raise click.UsageError(f"{url!r} is no address of an engine; write http://HOST:PORT")
    return url.rstrip("/")


def _key_header(key: str) -> dict[str, str]:
    if not (key.isascii() and key.isprintable()):
        raise click.UsageError("AUTOMATIONS_API_KEY holds what no key holds; set it to the text that was printed")
    return {"authorization": f"Bearer {key}"} if key else {}


def _encode(body: Any) -> bytes:
    try:
        return body if isinstance(body, bytes) else orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise click.UsageError("an argument is not UTF-8; write it in UTF-8") from None


def _document(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _unreachable(url: str, error: Exception) -> UnreachableError:
    return UnreachableError(
        f"no engine answers at {url} ({_reason(error)})",
        hint="is the engine running? start it with 'automations serve' or set AUTOMATIONS_API_URL",
    )


def _reason(error: Exception) -> str:
    """In the system's words, without the address, which stands beside them."""
    if isinstance(error, TimeoutError):
        return f"nothing within {_TIMEOUT:g} s"
    cause = getattr(error, "os_error", error)
    known = isinstance(cause, OSError) and not isinstance(cause, socket.gaierror) and cause.errno
    return os.strerror(known) if known else getattr(cause, "strerror", None) or str(cause)


def _hint(status: int, path: str, given: str | None) -> str | None:
    """The mend: the engine's, but where it cannot know what a user of these commands would do."""
    if status == 401:
        return "set AUTOMATIONS_API_KEY to a key ('automations api-key create NAME --scope admin' makes one)"
    listing = _LISTED_BY.get(path.removeprefix("/api/").partition("/")[0])
    return given or (f"'automations {listing}' lists what there is" if status == 404 and listing else None)


def _seconds(retry_after: str | None) -> float:
    return min(float(retry_after), _LONGEST_WAIT) if retry_after and retry_after.isdecimal() else 0.0


def with_client(work: Callable[[Client], Awaitable[T]], url: str | None = None) -> T:
    """Run `work` with a client, to its end."""

    async def run() -> T:
        async with Client(url) as client:
            return await work(client)

    return asyncio.run(run())

"""A Prefect server's events: what it has stored, page by page, and the stream of what is new."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from automations.errors import AutomationsError
from automations.model.document import JsonObject
from automations.model.moment import format_moment
from automations.sources.prefect.subscription import PrefectSubscription

_TIMEOUT: Final = 30.0
"""Seconds that one request may take, and a silent connection may stay unasked whether it lives."""
_FAREWELL: Final = 1.0
"""Seconds that the server has to answer a goodbye: a shutdown waits for it."""
_PAGE: Final = 50
"""The most that the server gives at once."""
_NEVER: Final = "9999-01-01T00:00:00Z"
_SHOWN: Final = 200
_NO_PREFECT: Final = "what answers at the API's address is no Prefect server; is the address right?"


class PrefectUnreachableError(AutomationsError):
    """The server is not there, lets us not in, or ended the stream."""

    code = "prefect-unreachable"
    recoverable = True


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Events as the server stores them, in order of `occurred`; `rest` leads to what follows, None at the end."""

    events: Sequence[JsonObject]
    rest: str | None


class PrefectEvents:
    """The events of one server. Used as a context: connections are closed with it."""

    def __init__(self, subscription: PrefectSubscription) -> None:
        self._url, self._token = subscription.api_url, subscription.token
        self._headers: Mapping[str, str] = subscription.headers
        self._names = subscription.name_filter

    async def __aenter__(self) -> PrefectEvents:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    # --- what is stored ------------------------------------------------------------------------------------

    async def stored(self, since: int) -> StoredPage:
        """Return the first page of what occurred at the moment `since` or later."""
        query = {"limit": _PAGE, "filter": {**self._filter(since), "order": "ASC"}}
        return await self._page("POST", "/events/filter", data=orjson.dumps(query))

    async def rest(self, link: str) -> StoredPage:
        """Return the page that a page's `rest` leads to, at the address that we know the server by."""
        return await self._page("GET", f"/events/filter/next?{urlsplit(link).query}")

    async def _page(self, method: str, below: str, **request: Any) -> StoredPage:
        with _told():
            async with self._session.request(
                method,
                self._url + below,
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
                **request,
            ) as response:
                content = await response.text()
        if response.status != 200:
            raise PrefectUnreachableError(f"Prefect answered {response.status}: {content[:_SHOWN]}")
        # The strict reading is each event's own: here one event that breaks it must not hide its neighbours.
        page = _parsed(content)
        if not isinstance(page, dict) or not isinstance(page.get("events"), list):
            raise PrefectUnreachableError(_NO_PREFECT)
        return StoredPage([event for event in page["events"] if isinstance(event, dict)], page.get("next_page"))

    def _filter(self, since: int) -> JsonObject:
        """The server's own default for `until` is now: of the stream, nothing would come."""
        names = {} if self._names is None else {"event": self._names}
        return {"occurred": {"since": format_moment(since), "until": _NEVER}, **names}

    # --- what is new ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(self, since: int) -> AsyncIterator[EventStream]:
        """Open the stream of what the server receives from now on, if it occurred at `since` or later. The server
        drops what a slow reader leaves waiting, without a word.
        """
        with _told():
            socket = await self._session.ws_connect(
                f"{self._url}/events/out",
                protocols=["prefect"],
                heartbeat=_TIMEOUT,
                timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL),
            )
        async with socket:
            await self._enter(socket, {"type": "auth", "token": self._token}, answer="auth_success")
            await self._enter(socket, {"type": "filter", "backfill": False, "filter": self._filter(since)})
            yield EventStream(socket)

    async def _enter(
        self, socket: aiohttp.ClientWebSocketResponse, message: JsonObject, answer: str | None = None
    ) -> None:
        with _told():
            await socket.send_str(orjson.dumps(message).decode())
            said = await socket.receive(_TIMEOUT) if answer is not None else None
        if said is None:
            return
        if said.type is not aiohttp.WSMsgType.TEXT or _parsed(said.data) != {"type": answer}:
            raise _ended(said)


class EventStream:
    """What comes in on an open stream."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def next(self, within: float) -> JsonObject | None:
        """Return the next event, or None if `within` seconds (above 0) pass without one.

        PrefectUnreachableError when the stream ends.
        """
        try:
            said = await self._socket.receive(within)
        except TimeoutError:
            return None
        if said.type is not aiohttp.WSMsgType.TEXT:
            raise _ended(said)
        message = _parsed(said.data)
        event = message.get("event") if isinstance(message, dict) else None
        return event if isinstance(event, dict) else {}


def _ended(said: aiohttp.WSMessage) -> PrefectUnreachableError:
    why = said.extra or said.data
    return PrefectUnreachableError(f"Prefect ended the stream of events{f': {why}' if why else ''}")


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise PrefectUnreachableError(_NO_PREFECT) from None


@contextmanager
def _told() -> Iterator[None]:
    """A network's failures, as one error."""
    try:
        yield
    except TimeoutError:
        raise PrefectUnreachableError(f"Prefect gave no answer within {_TIMEOUT:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise PrefectUnreachableError(f"{type(error).__name__}: {error}") from None

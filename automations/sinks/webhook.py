"""The webhook sink: `call-webhook` as one HTTP request to a public address."""

from __future__ import annotations

import base64
import hmac
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Final

import aiohttp
import orjson
from pydantic import BeforeValidator, Field
from yarl import URL

from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.model.document import Document, JsonObject
from automations.model.moment import SECOND
from automations.model.reason import Reason
from automations.ports import Dead, Delivery, Done, Retry
from automations.sinks.addresses import AddressDeniedError, check_address
from automations.sinks.retry_after import parse_retry_after

_Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]

ReadSecret = Callable[[JsonObject], str]
"""From {"env": NAME} or {"file": PATH} to the secret; SettingsError where it is not set."""

_WHSEC: Final = "whsec_"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_KEY_HEADERS: Final = ("Idempotency-Key", "webhook-id")
_OUR_HEADERS: Final = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade", "webhook-signature", "webhook-timestamp", *(name.lower() for name in _KEY_HEADERS),
    }
)  # fmt: skip
"""What belongs to the connection or to the delivery, and so not to the author."""
_RETRIED: Final = frozenset({408, 425, 429})
_SHOWN_OF_ANSWER: Final = 200
"""Characters of a refusing answer that its dead letter quotes."""


class WebhookSettings(Document):
    """What rules may call. `allow` lists networks, or single addresses, that are admitted though not public."""

    allow_http: bool = False
    allow: Annotated[tuple[_Network, ...], Field(strict=False)] = ()
    max_response_bytes: Annotated[int, Field(ge=0)] = 65_536


class WebhookSink:
    """Implements `ports.Sink`. Each request carries the action's id as `Idempotency-Key` and `webhook-id`, the
    same at every attempt. `keyed=False` leaves it out: only the control of the fault harness wants that.
    """

    action_types = frozenset({"call-webhook"})
    local = False

    def __init__(self, settings: WebhookSettings, secret: ReadSecret, *, keyed: bool = True) -> None:
        self._settings, self._secret = settings, secret
        self._keyed = keyed
        self._opened: aiohttp.ClientSession | None = None

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Check the address and the headers, and write the body out; PrepareError."""
        body = request.body
        headers = _checked_headers(body["headers"])
        text = _body_text(body.get("body"), headers)
        if self._keyed:
            headers |= dict.fromkeys(_KEY_HEADERS, request.id)
        reference = body.get("sign")
        if reference is not None:
            self._check_secret(reference)
        return {
            **({} if reference is None else {"id": request.id, "sign": reference}),
            "url": str(self._checked_url(body["url"])),
            "method": body["method"],
            "headers": headers,
            "body": text,
            "timeout": body["timeout"],
        }

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Send it. Every address that the name leads to is checked where the socket is made."""
        try:
            return await self._send(prepared)
        except AddressDeniedError as error:
            return Dead(error.code, f"{error.message}; {error.hint}")
        except ValueError as error:  # a host name that cannot be encoded shows only when it is looked up
            return Dead(Reason.REFUSED, f"the request cannot be sent: {error}")
        except SettingsError as error:  # the secret is gone since it was prepared
            return Retry(error.message)
        except TimeoutError:
            return Retry(f"no answer within {prepared['timeout'] / SECOND:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Retry(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()

    def _check_secret(self, reference: JsonObject) -> None:
        try:
            self._secret(reference)
        except SettingsError as error:
            raise PrepareError(error.message, code=error.code, hint=error.hint) from None

    def _signed(self, prepared: JsonObject) -> dict[str, str]:
        """The headers, signed for this attempt where the rule wants that; the secret itself is never stored."""
        if "sign" not in prepared:
            return dict(prepared["headers"])
        secret, moment = self._secret(prepared["sign"]), int(time.time())
        return {**prepared["headers"], **signature(secret, prepared["id"], moment, prepared["body"] or "")}

    def _checked_url(self, text: str) -> URL:
        if not text.isprintable() or " " in text:
            raise PrepareError("the URL holds white space or control characters", hint="use the filter urlencode")
        try:
            url = URL(text)
            port = url.port
        except ValueError as error:
            raise PrepareError(f"{text[:200]!r} is no URL: {error}") from error
        if url.scheme != "https" and not (url.scheme == "http" and self._settings.allow_http):
            raise PrepareError("the URL must begin with https://", hint="the setting 'allow_http' admits http://")
        if not url.host or "%" in url.host or not port:
            raise PrepareError("the URL needs a plain host name or address, and a port other than 0")
        if "@" in url.raw_authority:
            raise PrepareError("the URL must not hold a user name or password", hint="use a header")
        return url

    async def _send(self, prepared: JsonObject) -> Delivery:
        async with self._session().request(
            prepared["method"],
            URL(prepared["url"], encoded=True),
            headers=self._signed(prepared),
            data=None if prepared["body"] is None else prepared["body"].encode(),
            timeout=aiohttp.ClientTimeout(total=prepared["timeout"] / SECOND),
            allow_redirects=False,
        ) as response:
            return _judge(response, await self._answer(response))

    async def _answer(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the answer as far as the bound. Whatever befalls it now, the status has been given."""
        answer = bytearray()
        with suppress(aiohttp.ClientError, TimeoutError):
            async for chunk in response.content.iter_any():
                answer += chunk
                if len(answer) > self._settings.max_response_bytes:
                    response.close()
                    break
        return bytes(answer[: self._settings.max_response_bytes])

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                # One address after another: a race of several would hide that one of them was denied.
                connector=aiohttp.TCPConnector(socket_factory=self._socket, happy_eyeballs_delay=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "automations"},
                skip_auto_headers=("Accept-Encoding", "Content-Type"),
                auto_decompress=False,
            )
        return self._opened

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one result of `getaddrinfo`: the very address that is connected to next."""
        family, kind, protocol, _, target = address
        check_address(target[0], self._settings.allow)
        return socket.socket(family=family, type=kind, proto=protocol)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            raise PrepareError(f"{name[:64]!r} is no header name")
        if lower in _OUR_HEADERS or lower.startswith("proxy-"):
            raise PrepareError(f"the header {name!r} is not the rule's to set")
        if lower in seen:
            raise PrepareError(f"the header {name!r} stands there twice")
        if not value.isprintable():
            raise PrepareError(f"the value of the header {name!r} holds control characters")
        seen.add(lower)
    return dict(headers)


def _body_text(body: Any, headers: dict[str, str]) -> str | None:
    """Return the body as it is sent; names its type in `headers` unless the author did."""
    if body is None:
        return None
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    if all(name.lower() != "content-type" for name in headers):
        headers["Content-Type"] = kind
    return body if isinstance(body, str) else orjson.dumps(body).decode()


def _judge(response: aiohttp.ClientResponse, answer: bytes) -> Delivery:
    status = response.status
    if 200 <= status < 300:
        return Done(reference=str(status))
    reason = f"the peer answered {status} {response.reason or ''}".rstrip()
    if status in _RETRIED or status >= 500:
        return Retry(reason, parse_retry_after(response.headers.get("Retry-After"), time.time()))
    if status < 400:
        return Dead(Reason.REJECTED, f"{reason}; redirects are not followed")
    quoted = answer.decode(errors="replace").strip()[:_SHOWN_OF_ANSWER]
    return Dead(Reason.REJECTED, f"{reason}: {quoted}" if quoted else reason)


def signature(secret: str, identity: str, moment: int, body: str) -> dict[str, str]:
    """Return the headers of a Standard Webhooks signature (version 1): HMAC-SHA256 over `id.timestamp.body`.

    `moment` is in seconds since 1970. A secret that begins with `whsec_` is base64 behind that.
    """
    key = base64.b64decode(secret[len(_WHSEC) :]) if secret.startswith(_WHSEC) else secret.encode()
    digest = hmac.digest(key, f"{identity}.{moment}.{body}".encode(), "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }

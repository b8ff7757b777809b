from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_network

import orjson
import pytest
from aiohttp import web
from pydantic import ValidationError

from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.ports import Dead, Done, Retry
from automations.sinks.retry_after import parse_retry_after
from automations.sinks.webhook import WebhookSettings, WebhookSink, signature

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """A real HTTP server on the loopback; `answer` is what it does with each request."""

    url: str = ""
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answer: Handler | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request, await request.read()))
        return web.Response() if self.answer is None else await self.answer(request)

    def answers(self, status: int, text: str = "", **headers: str) -> None:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(
                status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )

        self.answer = answer


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    yield receiver
    await runner.cleanup()


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def no_secret(reference: JsonObject) -> str:
    raise SettingsError(f"{reference} is not set", code="missing-secret")


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    """A sink that may call the loopback without TLS."""
    sink = WebhookSink(WebhookSettings(allow_http=True, allow=(ip_network("127.0.0.0/8"),)), no_secret)
    yield sink
    await sink.close()


@pytest.fixture
async def strict_sink() -> AsyncIterator[WebhookSink]:
    """A sink with the settings of a fresh installation, but for plain HTTP."""
    sink = WebhookSink(WebhookSettings(allow_http=True), no_secret)
    yield sink
    await sink.close()


def webhook(url: str, **fields: object) -> ActionRequest:
    body = {"url": url, "method": "POST", "headers": {}, "body": None, "timeout": 5_000_000, **fields}
    return ActionRequest(
        id="a1", firing="f1", automation="rule", type="call-webhook", list="actions", index=0, body=body
    )


# --- prepare ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://hooks.example/x", "https://"),
        ("ftp://hooks.example/x", "https://"),
        ("//hooks.example/x", "https://"),
        ("hooks.example/x", "https://"),
        ("", "https://"),
        ("https:///x", "host"),
        ("https://hooks.example:0/x", "port"),
        ("https://hooks.example:65536/x", "no URL"),
        ("https://hooks.example:80:90/x", "no URL"),
        ("https://[::1/x", "no URL"),
        ("https://[fe80::1%25eth0]/x", "host"),
        ("https://hooks%2eexample/x", "host"),
        ("https://user@hooks.example/x", "user name"),
        ("https://user:secret@hooks.example/x", "user name"),
        ("https://hooks.example\\@other.example/", "no URL"),
        ("https://hooks.example/a b", "white space"),
        ("https://hooks.example/\r\nX: y", "control"),
        ("https://hooks.example/\x00", "control"),
    ],
)
async def test_a_bad_url_is_refused_for_good(url: str, says: str) -> None:
    with pytest.raises(PrepareError, match=says):
        await WebhookSink(WebhookSettings(), no_secret).prepare(webhook(url))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "other"},
        {"content-length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Proxy-Authorization": "x"},
        {"Idempotency-Key": "mine"},
        {"Webhook-Id": "mine"},
        {"webhook-signature": "v1,forged"},
        {"X Y": "space"},
        {"": "empty"},
        {"X:": "colon"},
        {"X-Ü": "letter"},
        {"X": "a\r\nHost: other"},
        {"X": "a\nb"},
        {"X": "a\x00b"},
        {"X": "\ud800"},
        {"X-Team": "a", "x-team": "b"},
    ],
)
async def test_a_header_that_is_malformed_or_not_the_authors_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PrepareError):
        await WebhookSink(WebhookSettings(), no_secret).prepare(webhook("https://hooks.example/", headers=headers))


async def test_a_prepared_request_is_plain_json_and_carries_the_actions_id_as_key() -> None:
    request = webhook("https://hooks.example/a?b=ü", headers={"X-Team": "ops"}, body={"n": [1, 2.5, None, True]})
    prepared = await WebhookSink(WebhookSettings(), no_secret).prepare(request)
    assert orjson.loads(orjson.dumps(prepared)) == prepared
    assert prepared == {
        "url": "https://hooks.example/a?b=%C3%BC",
        "method": "POST",
        "headers": {
            "X-Team": "ops",
            "Content-Type": "application/json",
            "Idempotency-Key": "a1",
            "webhook-id": "a1",
        },
        "body": '{"n":[1,2.5,null,true]}',
        "timeout": 5_000_000,
    }
    assert request.body["headers"] == {"X-Team": "ops"}


async def test_without_keys_nothing_tells_two_deliveries_to_be_one() -> None:
    prepared = await WebhookSink(WebhookSettings(), no_secret, keyed=False).prepare(
        webhook("https://hooks.example/")
    )
    assert prepared["headers"] == {}


async def test_the_authors_content_type_wins_in_any_spelling() -> None:
    request = webhook("https://h.example/", headers={"content-TYPE": "application/cloudevents+json"}, body={})
    prepared = await WebhookSink(WebhookSettings(), no_secret).prepare(request)
    assert prepared["headers"]["content-TYPE"] == "application/cloudevents+json"
    assert "Content-Type" not in prepared["headers"]


@pytest.mark.parametrize("allow", [("10.0.0.1/8",), ("loopback",), ("300.0.0.1",)])
def test_a_setting_that_is_no_network_is_an_error(allow: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate({"allow": allow})


# --- deliver ---------------------------------------------------------------------------------------------------


async def test_the_peer_receives_what_was_prepared(sink: WebhookSink, receiver: Receiver) -> None:
    prepared = await sink.prepare(webhook(f"{receiver.url}/in?x=1", method="PUT", body={"order": 17}))
    assert await sink.deliver(prepared) == Done(reference="200")
    request, body = receiver.requests[0]
    assert (request.method, request.path_qs, body) == ("PUT", "/in?x=1", b'{"order":17}')
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == request.headers["webhook-id"] == "a1"
    assert request.headers["User-Agent"] == "automations"


async def test_text_goes_out_as_it_is(sink: WebhookSink, receiver: Receiver) -> None:
    await sink.deliver(await sink.prepare(webhook(receiver.url, body="grün\n")))
    request, body = receiver.requests[0]
    assert body == "grün\n".encode()
    assert request.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_no_body_has_no_type(sink: WebhookSink, receiver: Receiver) -> None:
    await sink.deliver(await sink.prepare(webhook(receiver.url, method="GET")))
    request, body = receiver.requests[0]
    assert body == b""
    assert "Content-Type" not in request.headers


async def test_a_second_delivery_repeats_the_first_byte_for_byte(sink: WebhookSink, receiver: Receiver) -> None:
    prepared = await sink.prepare(webhook(receiver.url, body={"a": 1}))
    stored = orjson.loads(orjson.dumps(prepared))
    await sink.deliver(prepared)
    await sink.deliver(stored)
    (first, first_body), (second, second_body) = receiver.requests
    assert first_body == second_body
    assert dict(first.headers) == dict(second.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success_is_done(sink: WebhookSink, receiver: Receiver, status: int) -> None:
    receiver.answers(status)
    assert await sink.deliver(await sink.prepare(webhook(receiver.url))) == Done(reference=str(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_tried_again(sink: WebhookSink, receiver: Receiver, status: int) -> None:
    receiver.answers(status, Retry_After="7")
    delivery = await sink.deliver(await sink.prepare(webhook(receiver.url)))
    assert isinstance(delivery, Retry)
    assert str(status) in delivery.reason
    assert delivery.after == 7_000_000


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
async def test_what_the_peer_rejects_is_dead_with_its_words(
    sink: WebhookSink, receiver: Receiver, status: int
) -> None:
    receiver.answers(status, text="no such order" + "!" * 1000)
    delivery = await sink.deliver(await sink.prepare(webhook(receiver.url)))
    assert isinstance(delivery, Dead)
    assert delivery.code == "rejected"
    assert f"{status}" in delivery.reason
    assert "no such order" in delivery.reason
    assert len(delivery.reason) < 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(sink: WebhookSink, receiver: Receiver, status: int) -> None:
    receiver.answers(status, Location=f"{receiver.url}/elsewhere")
    delivery = await sink.deliver(await sink.prepare(webhook(f"{receiver.url}/start")))
    assert isinstance(delivery, Dead)
    assert "redirects" in delivery.reason
    assert [request.path for request, _ in receiver.requests] == ["/start"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "0"])
async def test_no_spelling_of_the_loopback_gets_past_the_check(
    strict_sink: WebhookSink, receiver: Receiver, host: str
) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    delivery = await strict_sink.deliver(await strict_sink.prepare(webhook(url)))
    assert isinstance(delivery, Dead)  # the client itself refuses some of them as no address
    assert delivery.code in ("address-denied", "refused")
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]"])
async def test_no_ipv6_form_of_the_loopback_gets_past_the_check(strict_sink: WebhookSink, host: str) -> None:
    delivery = await strict_sink.deliver(await strict_sink.prepare(webhook(f"http://{host}:9/")))
    assert isinstance(delivery, Dead)
    assert delivery.code == "address-denied"


async def test_an_answer_of_any_length_is_read_to_its_bound(sink: WebhookSink, receiver: Receiver) -> None:
    stopped = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except ConnectionError:
            stopped.set()
        return response

    receiver.answer = endless
    async with asyncio.timeout(5):
        delivery = await sink.deliver(await sink.prepare(webhook(receiver.url)))
        await stopped.wait()
    assert isinstance(delivery, Dead)


async def test_a_silent_peer_is_tried_again_after_the_timeout(sink: WebhookSink, receiver: Receiver) -> None:
    over = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    receiver.answer = silent
    delivery = await sink.deliver(await sink.prepare(webhook(receiver.url, timeout=50_000)))
    over.set()
    assert delivery == Retry("no answer within 0.05 s")


async def test_a_status_counts_even_when_the_answer_breaks_off(sink: WebhookSink, receiver: Receiver) -> None:
    async def breaking(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"part")
        request.transport.abort()  # type: ignore[union-attr]
        return response

    receiver.answer = breaking
    assert await sink.deliver(await sink.prepare(webhook(receiver.url))) == Done(reference="200")


async def test_a_reset_connection_is_tried_again(sink: WebhookSink, receiver: Receiver) -> None:
    async def reset(request: web.Request) -> web.StreamResponse:
        request.transport.abort()  # type: ignore[union-attr]
        return web.Response()

    receiver.answer = reset
    assert isinstance(await sink.deliver(await sink.prepare(webhook(receiver.url))), Retry)


async def test_a_refused_connection_is_tried_again(sink: WebhookSink) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert isinstance(await sink.deliver(await sink.prepare(webhook(url))), Retry)


async def test_a_name_that_cannot_be_looked_up_is_dead(sink: WebhookSink) -> None:
    delivery = await sink.deliver(await sink.prepare(webhook(f"http://{'a' * 64}.example/")))
    assert isinstance(delivery, Dead)
    assert delivery.code == "refused"


async def test_an_answer_that_is_no_http_is_tried_again(sink: WebhookSink) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-peer\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        delivery = await sink.deliver(await sink.prepare(webhook(f"http://127.0.0.1:{port}/")))
    assert isinstance(delivery, Retry)


async def test_a_sink_that_never_sent_closes_too() -> None:
    await WebhookSink(WebhookSettings(), no_secret).close()
    gc.collect()


# --- Retry-After -------------------------------------------------------------------------------------------------

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("value", "after"),
    [
        (None, None),
        ("0", 0),
        ("120", 120_000_000),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60_000_000),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5000, None),
        ("\u0661\u0662", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, after: int | None) -> None:
    assert parse_retry_after(value, NOW) == after


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    headers = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


async def test_a_signed_request_carries_the_signature_of_what_is_sent_and_stores_no_secret(
    receiver: Receiver,
) -> None:
    settings = WebhookSettings(allow_http=True, allow=(ip_network("127.0.0.0/8"),))
    sink = WebhookSink(settings, lambda reference: {"HOOK": SECRET}[reference["env"]])
    prepared = await sink.prepare(webhook(receiver.url, body={"n": 1}, sign={"env": "HOOK"}))
    assert SECRET not in str(prepared)
    assert isinstance(await sink.deliver(prepared), Done)
    await sink.close()
    ((request, raw),) = receiver.requests
    expected = signature(SECRET, "a1", int(request.headers["webhook-timestamp"]), raw.decode())
    assert {name: request.headers[name] for name in expected} == expected


async def test_a_request_that_cannot_be_signed_is_refused(sink: WebhookSink) -> None:
    with pytest.raises(PrepareError) as caught:
        await sink.prepare(webhook("https://hooks.example/", sign={"env": "HOOK"}))
    assert caught.value.code == "missing-secret"

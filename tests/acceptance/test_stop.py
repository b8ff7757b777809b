"""A stop of a real engine: it drains, and nobody who listens holds it."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from urllib.parse import urlsplit

from running import Engine


def test_an_open_stream_ends_with_the_engine_and_not_by_an_error(start: Callable[..., Engine]) -> None:
    engine = start()
    address = urlsplit(engine.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request("GET", "/api/stream")
    stream = connection.getresponse()
    engine.send({"id": "1", "event": "a", "resource": {"id": "r"}})
    assert stream.readline().startswith(b"event:")
    assert engine.stop() == 0
    stream.read()  # it ends as a stream should, or this raises
    connection.close()
    assert [entry for entry in engine.log if entry.get("level") == "error"] == []

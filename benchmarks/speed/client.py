"""The client, a process of its own: keep-alive connections that cost as little as a client can.

Reads one JSON object from standard input (`Order`), sends, and writes one to standard output (`Result`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speed.workload import WORKLOADS  # found only by the line above

CONNECTIONS: Final = 16
_ANSWERED_WITHIN: Final = 120.0


@dataclass(frozen=True)
class Order:
    """`batch` events in a request, 1 without an array around it. `pace` is in requests a second, 0 for as many as
    go. `run` makes the ids differ from those of other runs.
    """

    port: int
    workload: str
    events: int
    batch: int
    pace: float
    run: str


@dataclass(frozen=True)
class Result:
    """`started` and `ended` are of the machine's monotonic clock, in seconds; latencies are of acknowledgements,
    in milliseconds, from the moment when a request was due.
    """

    started: float
    ended: float
    p50: float
    p99: float
    worst: float


def requests(order: Order) -> Iterator[bytes]:
    """Yield the requests as they go over the wire."""
    workload = WORKLOADS[order.workload]
    for first in range(0, order.events, order.batch):
        events = [workload.event(n, order.run) for n in range(first, min(first + order.batch, order.events))]
        body = json.dumps(events if order.batch > 1 else events[0], separators=(",", ":")).encode()
        yield (
            b"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        ) + body


class Sending:
    """Hands requests to connections: at once, or each when it is due."""

    def __init__(self, waiting: deque[bytes], pace: float) -> None:
        self._waiting, self._pace = waiting, pace
        self._idle: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._unanswered = len(waiting)
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Send everything; `done` tells when it is answered."""
        start = time.monotonic()  # the loop's own clock counts in whole milliseconds
        for number in range(len(self._waiting)):
            due = start + number / self._pace if self._pace else start
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            self._due.append(due)
            if self._idle:
                self.offer(self._idle.popleft())

    def offer(self, connection: Connection) -> None:
        """Give a free connection the next request that is due, or keep it."""
        if not self._due:
            self._idle.append(connection)
            return
        due = self._due.popleft()
        connection.send(self._waiting.popleft(), due if self._pace else time.monotonic())

    def answered(self, connection: Connection, due: float) -> None:
        """Count an answer."""
        self.latencies.append(time.monotonic() - due)
        self._unanswered -= 1
        if not self._unanswered:
            self.done.set_result(None)
        else:
            self.offer(connection)


class Connection(asyncio.Protocol):
    """One request at a time. Answers need a Content-Length, as uvicorn sends for what is whole."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._received = b""
        self._due = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be free for a request."""
        self._transport = cast("asyncio.WriteTransport", transport)
        self._sending.offer(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing was to be lost while answers are out."""
        if not self._sending.done.done():
            self._sending.done.set_exception(ConnectionError(f"the server hung up: {error}"))

    def send(self, request: bytes, due: float) -> None:
        """Send one request that was due at `due`."""
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read on; when the answer is whole, it must be a 202."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 202"):
            self._sending.done.set_exception(ConnectionError(f"refused: {head[:60]!r} {body[:500]!r}"))
            return
        self._sending.answered(self, self._due)


async def send(order: Order) -> Result:
    """Carry the order out."""
    sending = Sending(deque(requests(order)), order.pace)
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Connection(sending), "127.0.0.1", order.port)
    started = time.monotonic()
    await sending.start()
    async with asyncio.timeout(_ANSWERED_WITHIN):
        await sending.done
    ended = time.monotonic()
    ordered = sorted(1000 * latency for latency in sending.latencies)
    p50, p99 = (ordered[int(len(ordered) * share)] for share in (0.50, 0.99))
    return Result(started, ended, p50, p99, ordered[-1])


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(send(Order(**json.load(sys.stdin)))))))

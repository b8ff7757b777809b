"""A run's output: split into lines, held within limits, stored in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from automations.errors import StoreUnavailableError
from automations.model.job import LogLine
from automations.ports import Clock, Store

Stream = Literal["stdout", "stderr", "engine"]

MAX_LINE: Final = 8 * 1024
MAX_LINES: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024
"""Limits of a line (bytes) and of a run (lines, bytes)."""

_CUT: Final = " [the rest of the line was cut]"
_BATCH: Final = 200
_BATCH_WAITS: Final = 0.1
"""Seconds that lines wait for others to be stored with."""
_STORE_PAUSE: Final = 0.5
HIGH_WATER: Final = 2_000
"""Lines in memory above which the run has to wait for the store."""


class LineSplitter:
    """Bytes in, lines out; holds at most one line's limit."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._cut = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that the chunk completes."""
        *ended, rest = chunk.split(b"\n")
        lines = []
        for part in ended:
            self._keep(part)
            lines.append(self._take())
        self._keep(rest)
        return lines

    def end(self) -> list[str]:
        """Return the last line when it has no end of line."""
        return [self._take()] if self._partial else []

    def _keep(self, part: bytes) -> None:
        room = MAX_LINE - len(self._partial)
        self._partial += part[:room]
        self._cut = self._cut or len(part) > room

    def _take(self) -> str:
        text = self._partial.decode(errors="replace").removesuffix("\r").replace("\0", "\ufffd")
        line = text + _CUT if self._cut else text
        self._partial.clear()
        self._cut = False
        return line


class RunOutput:
    """The lines of one run on their way to the store. `write` runs beside the run; `close` lets it end."""

    def __init__(self, store: Store, run: str, clock: Clock) -> None:
        self._store, self._run, self._clock = store, run, clock
        self._splitters: dict[Stream, LineSplitter] = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._waiting: list[LogLine] = []
        self._lines = self._bytes = 0
        self._some, self._enough = asyncio.Event(), asyncio.Event()
        self._closed = False
        self.on_drained: Callable[[], None] = lambda: None

    @property
    def full(self) -> bool:
        """True while more waits for the store than should be held in memory."""
        return len(self._waiting) >= HIGH_WATER

    def feed(self, stream: Stream, chunk: bytes) -> None:
        """Take what the run wrote."""
        self._add(stream, self._splitters[stream].feed(chunk))

    def close(self) -> None:
        """Nothing more comes."""
        for stream, splitter in self._splitters.items():
            self._add(stream, splitter.end())
        self._closed = True
        self._some.set()
        self._enough.set()

    def _add(self, stream: Stream, lines: list[str]) -> None:
        now = self._clock.now()
        for line in lines:
            if self._lines > MAX_LINES:
                break
            self._lines += 1
            self._bytes += len(line)
            if self._lines > MAX_LINES or self._bytes > MAX_BYTES:
                self._lines = MAX_LINES + 1
                stream, line = "engine", "the run wrote more than is kept: the rest of its output was dropped"
            self._waiting.append(LogLine(self._run, now, stream, line))
        if self._waiting:
            self._some.set()
        if len(self._waiting) >= _BATCH:
            self._enough.set()

    async def write(self) -> None:
        """Store lines until the output is closed and all of it is durable."""
        while not (self._closed and not self._waiting):
            await self._some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), _BATCH_WAITS)
            await self._flush()

    async def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        if not self._closed:
            self._some.clear()
            self._enough.clear()
        while lines:
            try:
                await self._store.write(lambda tx: tx.add_logs(lines))
                break
            except StoreUnavailableError:
                await asyncio.sleep(_STORE_PAUSE)
        self.on_drained()

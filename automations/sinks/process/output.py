"""A run's output, line by line, within bounds."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable
from typing import Final, Literal

from automations.model.job import LogLine

MAX_LINE: Final = 8 * 1024
MAX_LINES: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_CUT: Final = " … (cut)"

Stream = Literal["stdout", "stderr", "engine"]


class Output:
    """Collects the lines of one run; `take` hands over those that wait to be stored."""

    def __init__(self, run: str, now: Callable[[], int]) -> None:
        self._run, self._now = run, now
        self._waiting: list[LogLine] = []
        self._lines = self._bytes = 0
        self._full = False

    def take(self) -> list[LogLine]:
        """Return the lines since the last call."""
        taken, self._waiting = self._waiting, []
        return taken

    async def read(self, stream: Stream, reader: asyncio.StreamReader) -> None:
        """Read a pipe to its end. What is over the bounds is read too, and dropped: the run must not block."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while chunk := await reader.read(_CHUNK):
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in lines:
                self.add(stream, line)
            if len(rest) > 2 * MAX_LINE:  # the end of an endless line is not needed to cut it
                rest = rest[: 2 * MAX_LINE]
        if rest:
            self.add(stream, rest)

    def add(self, stream: Stream, line: str) -> None:
        """Take one line, cut where it is too long."""
        if self._full:
            return
        text = line.rstrip("\r").replace("\0", "�")
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE] + _CUT
        self._lines += 1
        self._bytes += len(text)
        self._full = self._lines >= MAX_LINES or self._bytes >= MAX_BYTES
        self._waiting.append(LogLine(self._run, self._now(), stream, text))
        if self._full:
            self._waiting.append(LogLine(self._run, self._now(), "engine", "the rest of the output was dropped"))

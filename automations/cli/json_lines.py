"""JSON lines from a file descriptor, as they come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

_CHUNK: Final = 1 << 20


class Line(NamedTuple):
    """A line that is not blank. Numbers count from 1, blank lines included."""

    number: int
    text: bytes


async def read_lines(fd: int) -> AsyncIterator[list[Line]]:
    """Yield what is there as soon as it is: a slow producer's lines do not wait for each other."""
    seen, rest = 0, b""
    while chunk := await _read(fd):
        *texts, rest = (rest + chunk).split(b"\n")
        yield [Line(number, text) for number, text in enumerate(texts, seen + 1) if text.strip()]
        seen += len(texts)
    if rest.strip():
        yield [Line(seen + 1, rest)]


async def _read(fd: int) -> bytes:
    """Read without a thread, so that Ctrl-C ends the wait."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except PermissionError:
        return os.read(fd, _CHUNK)  # a regular file is always ready, which is why epoll takes none
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
    return os.read(fd, _CHUNK)

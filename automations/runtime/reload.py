"""Watching files: a change is seen within a second, on any file system, without a native watcher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

Signature = frozenset[tuple[str, int, int]]

_EVERY: Final = 1.0
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def signature(paths: Iterable[Path]) -> Signature:
    """Path, size and modification time of each file of rules below the paths; what is missing is left out."""
    found = set()
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            try:
                stat = file.stat()
            except OSError:
                continue
            if file.suffix in _SUFFIXES:
                found.add((str(file), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


async def watch(paths: Iterable[Path], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after any of the files changed, until cancelled. A burst of writes is one change: it is told
    once the files have been still for one look.
    """
    watched = list(paths)
    told = seen = await asyncio.to_thread(signature, watched)
    while True:
        await asyncio.sleep(_EVERY)
        now = await asyncio.to_thread(signature, watched)
        if now == seen and now != told:
            told = now
            await changed()
        seen = now

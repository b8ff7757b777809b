"""Watching files: a change is seen within a second, on any file system, without a native watcher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

Signature = frozenset[tuple[str, int, int]]

_EVERY: Final = 1.0
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def signature(paths: Iterable[Path]) -> Signature:
    """Path, size and modification time of each file of rules below the paths; what is missing is left out."""
    found = set()
    for path in paths:
        for file in _below(path):
            try:
                stat = file.stat()
            except OSError:
                continue
            if file.suffix in _SUFFIXES:
                found.add((str(file), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


def _below(path: Path) -> Iterator[Path]:
    """What a folder loses while it is looked through ends the look: the next one sees the rest."""
    try:
        yield from path.rglob("*") if path.is_dir() else [path]
    except OSError as error:
        log.warning("watch_interrupted", path=str(path), error=str(error))


async def watch(paths: Iterable[Path], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after any of the files changed, until cancelled. A burst of writes is one change: it is told
    once the files have been still for one look. When `changed` raises, that is logged, and it is told again.
    """
    watched = list(paths)
    told = seen = await asyncio.to_thread(signature, watched)
    while True:
        await asyncio.sleep(_EVERY)
        now = await asyncio.to_thread(signature, watched)
        if now == seen and now != told:
            try:
                await changed()
                told = now
            except Exception:
                log.exception("reload_failed")
        seen = now

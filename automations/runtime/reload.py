"""Watching files: a change is seen within a second, on any file system, without a native watcher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from automations.rulefiles.files import rule_files

log = structlog.get_logger()

Signature = frozenset[tuple[str, int, int]]

_EVERY: Final = 1.0
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def signature(paths: Iterable[Path]) -> Signature:
    """Path, size and modification time of each file of rules below the paths; what is missing is left out."""
    found = set()
    for path in paths:
        for file in rule_files([path])[0] if path.is_dir() else [path]:
            try:
                stat = file.stat()
            except OSError:
                continue
            if file.suffix in _SUFFIXES:
                found.add((str(file), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


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

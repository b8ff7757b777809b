"""Where a run happens: its deployment's folder, or one of its own into which it fetches."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from automations.model.job import RunSpec


@asynccontextmanager
async def folder_of(spec: RunSpec) -> AsyncIterator[Path]:
    """Give the folder; one that was made for the run is removed after it. OSError where it cannot be made."""
    if not spec.pull:
        yield Path(spec.directory)
        return
    folder = _own(spec)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        await remove_folder(spec)


async def remove_folder(spec: RunSpec) -> None:
    """Remove the folder that was made for a run; nothing where there is none."""
    if spec.pull:
        await asyncio.to_thread(shutil.rmtree, _own(spec), ignore_errors=True)


def _own(spec: RunSpec) -> Path:
    """Named by the run, so that it is found after a crash."""
    return Path(tempfile.gettempdir(), f"automations-run-{spec.id}")

"""Work in the background: nothing that it meets ends it in silence."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from automations.errors import StoreUnavailableError
from automations.runtime.background import keep_running
from automations.runtime.reload import Signature, signature, watch


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("the store could not read"), TypeError("a fault of ours")]
)
async def test_background_work_that_fails_is_logged_and_goes_on(error: Exception) -> None:
    faults, done = [error], asyncio.Event()

    async def work() -> None:
        if faults:
            raise faults.pop()
        done.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(keep_running("backlog", work, pause=0))
        async with asyncio.timeout(10):
            await done.wait()
    assert [(entry["event"], entry["task"], entry["error"]) for entry in logs] == [
        ("background_failed", "backlog", str(error))
    ]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_background_work_that_returns_has_ended() -> None:
    async def work() -> None:
        pass

    await keep_running("pool", work)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Looks follow one another quickly; set once the first has been made."""
    made = threading.Event()

    def look(paths: Iterable[Path]) -> Signature:
        found = signature(paths)
        made.set()
        return found

    monkeypatch.setattr("automations.runtime.reload._EVERY", 0.01)
    monkeypatch.setattr("automations.runtime.reload.signature", look)
    return made


async def test_a_reload_that_breaks_is_tried_again_and_does_not_end_the_watch(
    tmp_path: Path, looked: threading.Event
) -> None:
    told: list[str] = []
    again = asyncio.Event()

    async def changed() -> None:
        told.append((tmp_path / "rule.yaml").read_text())
        if len(told) == 1:
            raise StoreUnavailableError("disk full")
        again.set()

    task = asyncio.create_task(watch([tmp_path], changed))
    async with asyncio.timeout(10):
        for text in ("first", "second!"):
            await asyncio.to_thread(looked.wait)
            (tmp_path / "rule.yaml").write_text(text)
            await again.wait()
            again.clear()
    assert told == ["first", "first", "second!"]
    task.cancel()


def test_a_folder_that_goes_while_it_is_looked_through_does_not_end_the_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "below" / "rule.yaml").touch()
    walked = Path.rglob

    def rglob(path: Path, pattern: str):  # type: ignore[no-untyped-def]
        for found in walked(path, pattern):
            if found.name in "ab":  # the walk has listed it, and goes into it next
                shutil.rmtree(found)
            yield found

    monkeypatch.setattr(Path, "rglob", rglob)
    assert signature([tmp_path]) == frozenset()

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


def test_what_is_watched_is_what_is_loaded(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "linked").symlink_to(elsewhere)
    (rules / "loop").symlink_to(rules)
    before = signature([rules])
    (elsewhere / "rule.yaml").touch()
    assert signature([rules]) != before
    (rules / ".hidden.yaml").touch()
    (rules / "notes.txt").touch()
    assert len(signature([rules])) == 1


async def test_a_folder_that_comes_and_goes_does_not_end_the_watch(
    tmp_path: Path, looked: threading.Event
) -> None:
    told = asyncio.Event()

    async def changed() -> None:
        told.set()

    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for name in "abcdefgh":
                (tmp_path / name / "below").mkdir(parents=True)
                (tmp_path / name / "below" / "rule.yaml").touch()
            for name in "abcdefgh":
                shutil.rmtree(tmp_path / name)

    task = asyncio.create_task(watch([tmp_path], changed))
    churning = asyncio.create_task(asyncio.to_thread(churn))
    try:
        for _ in range(100):
            looked.clear()
            assert await asyncio.to_thread(looked.wait, 10)
    finally:
        stop.set()
        await churning
    assert not task.done()
    (tmp_path / "rule.yaml").touch()
    async with asyncio.timeout(10):
        await told.wait()
    task.cancel()

"""How far a source has read is kept with what it read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.store.samples import ManualClock, add, event

from automations.ports import SourceCursor, Transaction
from automations.store import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=ManualClock())
    yield opened
    await opened.close()


async def test_a_source_that_never_read_has_no_cursor(store: SqliteStore) -> None:
    assert await store.reads.source_cursor("prod") is None


async def test_a_cursor_never_goes_back_and_where_it_began_stays(store: SqliteStore) -> None:
    for began, position in ((10, 10), (20, 40), (0, 30)):
        cursor = SourceCursor(began, position)
        await store.write(lambda tx, cursor=cursor: tx.advance_source("prod", cursor))
    assert await store.reads.source_cursor("prod") == SourceCursor(10, 40)
    assert await store.reads.source_cursor("other") is None


async def test_a_cursor_is_undone_with_the_events_that_it_covers(store: SqliteStore) -> None:
    def fails(tx: Transaction) -> None:
        tx.advance_source("prod", SourceCursor(0, 50))
        add(event("a"))(tx)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await store.write(fails)
    assert await store.reads.source_cursor("prod") is None

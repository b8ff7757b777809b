"""Cells against a dictionary."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.store.samples import NOW, ManualClock

from automations.store import SqliteStore

KEYS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["[]", '["x"]', '["y"]']))
STATES = st.tuples(st.none() | st.binary(max_size=4), st.none() | st.integers(0, 2**40))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.dictionaries(KEYS, STATES), max_size=6), st.sets(KEYS))
def test_the_last_state_saved_is_the_one_that_is_loaded(saves: list[dict], wanted: set) -> None:  # type: ignore[type-arg]
    async def stored(path: Path) -> object:
        store = SqliteStore.open(path, clock=ManualClock())
        for cells in saves:
            await store.write(lambda tx, cells=cells: tx.save_cells(cells, NOW))  # type: ignore[misc]
        loaded = await store.write(lambda tx: tx.load_cells(sorted(wanted)))
        await store.close()
        return loaded

    model: dict[tuple[str, str], bytes | None] = {}
    for cells in saves:
        model |= {key: state for key, (state, _) in cells.items()}
    with tempfile.TemporaryDirectory() as directory:
        loaded = asyncio.run(stored(Path(directory) / "a.db"))
    assert loaded == {key: state for key, state in model.items() if state is not None and key in wanted}

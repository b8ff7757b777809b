"""Opening: migrations, newer files, files in use, files that are no database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from unit.store.samples import ManualClock, add, event

from automations.errors import SettingsError
from automations.store import SqliteStore


def execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize("name", ["a.db", "with space.db", "100%.db", "ä?#[x].db"])
async def test_any_file_name_will_do_and_missing_folders_are_made(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    store = SqliteStore.open(path, clock=ManualClock())
    await store.write(add(event("1")))
    assert (await store.reads.ledger()).accepted == 1
    await store.close()
    assert {file.name for file in path.parent.iterdir()} == {name, f"{name}.lock"}


async def test_a_file_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await SqliteStore.open(path, clock=ManualClock()).close()
    execute(path, "INSERT INTO _yoyo_migration VALUES ('hash', '9999.from-the-future', '2030-01-01')")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"9999\.from-the-future") as caught:
        SqliteStore.open(path, clock=ManualClock())
    assert caught.value.code == "store-newer"
    assert path.read_bytes() == before


async def test_a_migration_that_was_cut_off_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    execute(path, "CREATE TABLE yoyo_lock (locked INT DEFAULT 1, ctime TIMESTAMP, pid INT NOT NULL)")
    execute(path, "INSERT INTO yoyo_lock VALUES (1, '2030-01-01', 4242)")
    store = SqliteStore.open(path, clock=ManualClock())
    await store.write(add(event("1")))
    await store.close()


async def test_automations_that_an_earlier_program_paused_stay_paused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await SqliteStore.open(path, clock=ManualClock()).close()
    execute(path, "DROP TABLE pauses")
    execute(path, "CREATE TABLE paused_automations (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
    execute(path, "INSERT INTO paused_automations VALUES ('repair')")
    execute(path, "DELETE FROM _yoyo_migration WHERE migration_id = '0003.pauses'")
    store = SqliteStore.open(path, clock=ManualClock())
    assert await store.reads.pauses() == {("automation", "repair"): True}
    await store.close()


async def test_the_holder_of_a_file_is_named_and_its_lock_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = SqliteStore.open(path, clock=ManualClock())
    with pytest.raises(SettingsError, match=rf"a\.db is in use by the process {os.getpid()}\b") as caught:
        SqliteStore.open(path, clock=ManualClock())
    assert caught.value.code == "store-in-use"
    await first.close()
    await SqliteStore.open(path, clock=ManualClock()).close()


async def test_what_is_no_database_is_refused_and_not_kept_locked(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("rules:\n" * 1000)
    for _ in range(2):
        with pytest.raises(SettingsError) as caught:
            SqliteStore.open(path, clock=ManualClock())
        assert caught.value.code == "store-not-opened"
    path.unlink()
    await SqliteStore.open(path, clock=ManualClock()).close()


async def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a.db", clock=ManualClock())
    db = store._writer._db
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    await store.close()

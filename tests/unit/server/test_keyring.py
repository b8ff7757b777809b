from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from automations.model.moment import SECOND
from automations.server import new_api_key
from automations.server.keyring import Keyring
from automations.store import SqliteStore


class Clock:
    moment = 0

    def now(self) -> int:
        return self.moment


class HeldReads:
    """A real store whose answer to `api_keys` can be held back, so that a revocation overtakes it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.reads = self
        self.read = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def api_keys(self) -> Any:
        keys = await self._store.reads.api_keys()
        self.read.set()
        await self.release.wait()
        return keys


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    store = SqliteStore.open(tmp_path / "keys.db", clock=Clock())
    yield store
    await store.close()


async def test_a_key_that_is_revoked_while_keys_are_read_does_not_come_back(store: SqliteStore) -> None:
    held, (key, text) = HeldReads(store), new_api_key("ci", ["read"], 0)
    await store.write(lambda tx: tx.add_api_key(key))
    keyring = Keyring(held, Clock())  # type: ignore[arg-type]
    held.release.clear()
    finding = asyncio.create_task(keyring.find(text))
    await held.read.wait()
    await store.write(lambda tx: tx.revoke_api_key(key.id, 1))
    keyring.forget()
    held.release.set()
    assert await finding is None


async def test_what_others_changed_is_seen_within_a_second_even_after_the_clock_is_set_back(
    store: SqliteStore,
) -> None:
    clock, (key, text) = Clock(), new_api_key("ci", ["read"], 0)
    keyring = Keyring(store, clock)
    assert await keyring.find(text) is None
    await store.write(lambda tx: tx.add_api_key(key))
    assert await keyring.find(text) is None
    clock.moment += SECOND
    assert await keyring.find(text) == key
    await store.write(lambda tx: tx.revoke_api_key(key.id, 1))
    clock.moment -= 3600 * SECOND
    assert await keyring.find(text) is None

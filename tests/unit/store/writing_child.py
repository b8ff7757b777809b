"""Writes events, with what follows from each, and says which are acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from unit.store.samples import NOW, ManualClock, action, add, event

from automations.model.firing import Firing
from automations.ports import Transaction
from automations.store import SqliteStore


async def client(store: SqliteStore, name: str) -> None:
    for number in count():
        identity = f"{name}-{number}"

        def take(tx: Transaction, identity: str = identity) -> None:
            add(event(identity))(tx)
            tx.add_firings([Firing(identity, "rule", "fire", NOW, event=event(identity))], NOW)
            tx.add_actions([(action(identity), "s")], NOW)

        await store.write(take)
        print(identity, flush=True)


async def main(path: Path, life: str) -> None:
    store = SqliteStore.open(path, clock=ManualClock())
    await asyncio.gather(*(client(store, f"{life}-{n}") for n in range(8)))


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

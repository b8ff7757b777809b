"""A database is an engine's own, or a gateway's read model; one is not taken for the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from automations.errors import SettingsError
from automations.settings import Settings
from automations.store import Retention, SqliteStore

_PURGE_EVERY: Final = 3600.0


async def require_own(store: SqliteStore, path: Path) -> None:
    """SettingsError where the database is a read model."""
    if origin := await store.write(lambda tx: tx.read_model_origin()):
        raise SettingsError(
            f"the database {path} is the read model of a gateway ({origin})",
            code="read-model",
            hint="give this one a database of its own with --db",
        )


async def require_read_model(store: SqliteStore, path: Path) -> None:
    """SettingsError where the database is an engine's."""
    ledger = await store.reads.ledger()
    origin = await store.write(lambda tx: tx.read_model_origin())
    if origin is None and (ledger.accepted or ledger.planned):
        raise SettingsError(
            f"the database {path} is that of an engine on one machine",
            code="no-read-model",
            hint="give the gateway a database of its own with --db",
        )


async def purge(store: SqliteStore, settings: Settings) -> None:
    """Forget what is old, from time to time, until cancelled."""
    while True:
        await asyncio.sleep(_PURGE_EVERY)
        await store.purge(Retention(state=settings.state_retention))

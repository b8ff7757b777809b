"""What operators decide: which automations are paused, which keys are valid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from automations.errors import NotFoundError
from automations.ports import ApiKey
from automations.store.readers import Reading
from automations.store.writing import Writing

_PAUSE: Final = "INSERT INTO paused_automations (name) VALUES (?) ON CONFLICT DO NOTHING"
_RESUME: Final = "DELETE FROM paused_automations WHERE name = ?"
_PAUSED: Final = "SELECT name FROM paused_automations"
_ADD_KEY: Final = (
    "INSERT INTO api_keys (id, name, secret_hash, scopes, created, revoked) VALUES (?, ?, ?, ?, ?, ?)"
)
_REVOKE: Final = "UPDATE api_keys SET revoked = coalesce(revoked, :now) WHERE id = :key OR name = :key"
_KEYS: Final = "SELECT id, name, secret_hash, scopes, created, revoked FROM api_keys ORDER BY seq"


class AdministrationWrites(Writing):
    """Pauses and keys, written."""

    def set_paused(self, automation: str, paused: bool) -> None:
        """Remember that an automation is paused, or not."""
        self._db.execute(_PAUSE if paused else _RESUME, [automation])

    def add_api_key(self, key: ApiKey) -> None:
        """Store a key."""
        scopes = json.dumps(key.scopes)
        self._db.execute(_ADD_KEY, [key.id, key.name, key.secret_hash, scopes, key.created, key.revoked])

    def revoke_api_key(self, key_id: str, now: int) -> None:
        """Revoke by id or name; NotFoundError."""
        if self._db.execute(_REVOKE, {"key": key_id, "now": now}).rowcount == 0:
            raise NotFoundError(f"there is no API key {key_id!r}", hint="'automations api-key ls' lists them")


class AdministrationReads(Reading):
    """Pauses and keys, read."""

    async def paused(self) -> frozenset[str]:
        """Return the names of paused automations."""
        return await self._read(lambda db: frozenset(row[0] for row in db.execute(_PAUSED)))

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, revoked ones too."""
        rows = await self._read(lambda db: db.execute(_KEYS).fetchall())
        return [
            ApiKey(key, name, secret_hash, tuple(json.loads(scopes)), created, revoked)
            for key, name, secret_hash, scopes, created, revoked in rows
        ]

"""What operators decide: what is paused, which keys are valid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from automations.errors import NotFoundError
from automations.ports import ApiKey, PausableKind
from automations.store.readers import Reading
from automations.store.writing import Writing

_PAUSE: Final = (
    "INSERT INTO pauses (kind, name, paused) VALUES (?, ?, ?)"
    " ON CONFLICT (kind, name) DO UPDATE SET paused = excluded.paused"
)
_PAUSED: Final = "SELECT kind, name, paused FROM pauses"
_ADD_KEY: Final = (
    "INSERT INTO api_keys (id, name, secret_hash, scopes, created, revoked) VALUES (?, ?, ?, ?, ?, ?)"
)
_REVOKE: Final = "UPDATE api_keys SET revoked = coalesce(revoked, :now) WHERE id = :key OR name = :key"
_KEYS: Final = "SELECT id, name, secret_hash, scopes, created, revoked FROM api_keys ORDER BY seq"


class AdministrationWrites(Writing):
    """Pauses and keys, written."""

    def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Remember that an object is paused, or that it is not, whatever its file says."""
        self._db.execute(_PAUSE, [kind, name, paused])

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

    async def pauses(self) -> Mapping[tuple[PausableKind, str], bool]:
        """Return what was paused (True) or resumed (False) by hand or by a rule."""
        rows = await self._read(lambda db: db.execute(_PAUSED).fetchall())
        return {(kind, name): bool(paused) for kind, name, paused in rows}

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, revoked ones too."""
        rows = await self._read(lambda db: db.execute(_KEYS).fetchall())
        return [
            ApiKey(key, name, secret_hash, tuple(json.loads(scopes)), created, revoked)
            for key, name, secret_hash, scopes, created, revoked in rows
        ]

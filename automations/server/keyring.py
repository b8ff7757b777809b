"""The API keys that are valid now, read from the store at most once a second."""

from __future__ import annotations

from automations.model.moment import SECOND
from automations.ports import ApiKey, Clock, Store
from automations.server.keys import matching_key

_KEPT_FOR = SECOND


class Keyring:
    """Invariant: what was read before `forget` is never used after it, so a revoked key ends at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._keys: dict[str, ApiKey] | None = None
        self._read_at = 0
        self._generation = 0

    async def find(self, text: str) -> ApiKey | None:
        """Return the valid key that this text is, or None."""
        keys = self._keys
        if keys is None or not 0 <= self._clock.now() - self._read_at < _KEPT_FOR:
            keys = await self._read()
        return matching_key(text, keys)

    async def _read(self) -> dict[str, ApiKey]:
        while True:
            generation, now = self._generation, self._clock.now()
            keys = {key.id: key for key in await self._store.reads.api_keys()}
            if generation == self._generation:  # else a key changed while we read
                self._keys, self._read_at = keys, now
                return keys

    def forget(self) -> None:
        """Called when a key was added or revoked."""
        self._generation += 1
        self._keys = None

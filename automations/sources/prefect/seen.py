"""The ids of late: what is read again is known without asking the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_MOST: Final = 20_000


class Seen:
    """Remembers the last 20,000 ids that were added. The store knows the rest."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, identity: Any) -> bool:
        return isinstance(identity, str) and identity in self._ids

    def add(self, ids: Iterable[Any]) -> None:
        """Remember ids; what is no text is no id."""
        self._ids |= dict.fromkeys(identity for identity in ids if isinstance(identity, str))
        while len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]

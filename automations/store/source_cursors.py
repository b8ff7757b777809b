"""How far each source that fetches its events has read."""

from __future__ import annotations

from typing import Final

from automations.ports import SourceCursor
from automations.store.readers import Reading
from automations.store.writing import Writing

_PUT: Final = (
    "INSERT INTO source_cursors (source, began, position) VALUES (?, ?, ?)"
    " ON CONFLICT (source) DO UPDATE SET position = max(position, excluded.position)"
)
_GET: Final = "SELECT began, position FROM source_cursors WHERE source = ?"


class SourceCursorWrites(Writing):
    """Cursors, written."""

    def advance_source(self, source: str, cursor: SourceCursor) -> None:
        """Remember how far a source has read. It never goes back, and where it began never changes."""
        self._db.execute(_PUT, [source, cursor.began, cursor.position])


class SourceCursorReads(Reading):
    """Cursors, read."""

    async def source_cursor(self, source: str) -> SourceCursor | None:
        """Return how far a source has read; None for one that never did."""
        row = await self._read(lambda db: db.execute(_GET, [source]).fetchone())
        return None if row is None else SourceCursor(*row)

"""Deployments and work pools as they were deployed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from automations.ports import Deployed
from automations.store.readers import Reading
from automations.store.writing import Writing

_PUT: Final = (
    "INSERT INTO deployed (kind, name, origin, document, deployed_by, deployed, archived)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, name) DO UPDATE SET origin = excluded.origin, document = excluded.document,"
    " deployed_by = excluded.deployed_by, deployed = excluded.deployed, archived = excluded.archived"
)
_ALL: Final = (
    "SELECT kind, name, origin, document, deployed_by, deployed, archived FROM deployed ORDER BY kind, name"
)


class DeployedWrites(Writing):
    """What was deployed, written."""

    def put_deployed(self, rows: Sequence[Deployed]) -> None:
        """Store these, each in place of one of its kind and name."""
        self._db.executemany(
            _PUT,
            [(r.kind, r.name, r.origin, orjson.dumps(r.document), r.by, r.at, r.archived) for r in rows],
        )


class DeployedReads(Reading):
    """What was deployed, read."""

    async def deployed(self) -> Sequence[Deployed]:
        """Return all, what was archived too, by kind and name."""
        rows = await self._read(lambda db: db.execute(_ALL).fetchall())
        return [
            Deployed(kind, name, origin, orjson.loads(document), by, at, archived)
            for kind, name, origin, document, by, at, archived in rows
        ]

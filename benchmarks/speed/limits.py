"""What cannot be beaten here: the same server that does nothing, and the same rows with nothing around them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import uvicorn

_COLUMNS: Final = {
    "events": "source, id, name, resource, received, body",
    "firings": "id, automation, stored, body",
    "firing_events": "event, firing, stored",
    "actions": "id, sink, state, type, automation, firing, cause, created, attempts, next_attempt, request",
}
_ANSWER: Final = b'{"accepted":0,"duplicates":0,"refused":[],"ids":[]}'
Row = tuple[Any, ...]


async def read_and_do_nothing(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Read the body and answer 202 (an ASGI application)."""
    del scope
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


def sqlite_rate(engine_database: Path, target: Path, batch: int) -> float:
    """Write the rows that the engine stored for its events into a new file: its schema, its durability, `batch`
    events in a commit. Returns events a second.
    """
    with closing(sqlite3.connect(f"file:{engine_database}?mode=ro", uri=True)) as engine:
        schema = [row[0] for row in engine.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        groups = _rows_of_events(engine)
    batches = [groups[first : first + batch] for first in range(0, len(groups), batch)]
    with closing(sqlite3.connect(target, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        for statement in schema:
            if not statement.startswith("CREATE TABLE sqlite_"):
                db.execute(statement)
        started = time.perf_counter()
        for events in batches:
            _commit(db, events)
        return len(groups) / (time.perf_counter() - started)


def _commit(db: sqlite3.Connection, events: Sequence[dict[str, list[Row]]]) -> None:
    db.execute("BEGIN IMMEDIATE")
    for table, columns in _COLUMNS.items():
        rows = [row for event in events for row in event[table]]
        marks = ", ".join("?" * (columns.count(",") + 1))
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    db.execute("COMMIT")


def _rows_of_events(engine: sqlite3.Connection) -> list[dict[str, list[Row]]]:
    """Return, for each event that was sent, its own row and those of its firing and action."""
    rows = {
        table: engine.execute(f"SELECT {columns} FROM {table}").fetchall() for table, columns in _COLUMNS.items()
    }
    event_of = {firing: event for event, firing, _ in rows["firing_events"]}
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: {table: [] for table in _COLUMNS})
    for row in rows["events"]:
        if row[0] == "api":
            found[f"api/{row[1]}"]["events"].append(row)
    for row in rows["firings"]:
        found[event_of[row[0]]]["firings"].append(row)
    for row in rows["firing_events"]:
        found[row[0]]["firing_events"].append(row)
    for row in rows["actions"]:
        found[event_of[row[5]]]["actions"].append(row)
    return list(found.values())


if __name__ == "__main__":
    uvicorn.run(read_and_do_nothing, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off")

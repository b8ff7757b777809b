"""What is left after all the kills: read from the database itself, when the engine has stopped."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from faults.load import Load
from faults.project import executions
from faults.receiver import Receiver

_MICROSECONDS = 1_000_000


@dataclass
class Audit:
    """Counts. `lost` and `duplicates` are by what went missing or happened twice; all of them are to be 0."""

    events: int = 0
    jobs: int = 0
    windows: int = 0
    hooks: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    unknown_runs: int = 0
    repeated_deliveries: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """Everything that breaks the promise, in words."""
        lost = [f"lost: {count} {what}" for what, count in self.lost.items() if count]
        twice = [f"more than once: {count} {what}" for what, count in self.duplicates.items() if count]
        return lost + twice + self.problems

    def once(self, what: str, wanted: Sequence[str], found: Counter[str]) -> None:
        """Hold what was found against what should be there, each once."""
        self.lost[what] += sum(found[key] == 0 for key in wanted)
        self.duplicates[what] += sum(count > 1 for count in found.values())


def audit(database: Path, folder: Path, load: Load, receiver: Receiver, kills: Sequence[float]) -> Audit:
    """Audit a stopped engine. `kills` are wall-clock seconds."""
    result = Audit()
    acknowledged = load.acknowledged
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        _events(result, db, load)
        result.jobs, result.windows, result.hooks = (
            len(acknowledged.get("chaos.job", ())),
            len(load.groups),
            len(acknowledged.get("chaos.hook", ())),
        )
        _firings(result, db, load)
        _runs(result, db, load, executions(folder), kills)
        _ledger(result, db)
    _hooks(result, acknowledged.get("chaos.hook", []), receiver)
    return result


def _events(result: Audit, db: sqlite3.Connection, load: Load) -> None:
    sent = [event for ids in load.acknowledged.values() for event in ids]
    stored = Counter(row[0] for row in db.execute("SELECT id FROM events WHERE source = 'api'"))
    result.events = len(sent)
    result.once("events", sent, stored)


def _firings(result: Audit, db: sqlite3.Connection, load: Load) -> None:
    """Each event of an immediate rule fired once and planned one action; each complete window fired once."""
    for rule, what in (("job", "chaos.job"), ("hook", "chaos.hook")):
        wanted = [f"api/{event}" for event in load.acknowledged.get(what, ())]
        counted = "SELECT event FROM firing_events f JOIN {} USING (firing) WHERE automation = ?"
        fired = db.execute(counted.format("(SELECT id AS firing, automation FROM firings)"), [rule])
        result.once(f"firings of {rule}", wanted, Counter(row[0] for row in fired))
        planned = db.execute(counted.format("actions"), [rule])
        result.once(f"actions of {rule}", wanted, Counter(row[0] for row in planned))
    bodies = db.execute("SELECT body FROM firings WHERE automation = 'window'")
    groups = Counter(json.loads(row[0])["labels"]["group"] for row in bodies)
    result.once("windows", load.groups, groups)


def _runs(result: Audit, db: sqlite3.Connection, load: Load, executed: list[str], kills: Sequence[float]) -> None:
    """One run for each event, executed once; a kill may make its fate unknown, but not its existence."""
    runs: Counter[str] = Counter()
    completed: list[str] = []
    for spec, state, message, created, ended in db.execute(
        "SELECT spec, state, message, created, ended FROM runs"
    ):
        event = json.loads(spec)["job_variables"]["env"]["EVENT"]
        runs[event] += 1
        if state == "Completed":
            completed.append(event)
        elif state == "Crashed" and message.startswith("unknown") and _struck(created, ended, kills):
            result.unknown_runs += 1
        else:
            result.problems.append(f"the run of {event} is {state}: {message}")
    result.once("runs", load.acknowledged.get("chaos.job", []), runs)
    result.once("executions", completed, Counter(executed))


def _struck(created: int, ended: int, kills: Sequence[float]) -> bool:
    return any(created <= kill * _MICROSECONDS <= ended for kill in kills)


def _hooks(result: Audit, wanted: list[str], receiver: Receiver) -> None:
    result.once("webhook effects", wanted, Counter({event: receiver.effects(event) for event in wanted}))
    result.repeated_deliveries = sum(count - 1 for count in receiver.deliveries.values())
    if receiver.shared_keys:
        result.problems.append(f"{receiver.shared_keys} keys were used for more than one firing")


def _ledger(result: Audit, db: sqlite3.Connection) -> None:
    """The counts, against the rows that they count; and the file itself."""
    columns = "accepted, processed, planned, delivered, dead"
    counted = dict(zip(columns.split(", "), db.execute(f"SELECT {columns} FROM ledger").fetchone(), strict=True))
    states = dict(db.execute("SELECT state, count(*) FROM actions GROUP BY state"))
    events = db.execute("SELECT count(*) FROM events").fetchone()[0]
    rows = {"accepted": events, "processed": events, "planned": sum(states.values())}
    rows |= {state: states.get(state, 0) for state in ("delivered", "dead")}
    if counted != rows:
        result.problems.append(f"the ledger says {counted}, the rows say {rows}")
    if rows["dead"]:
        result.problems.append(f"{rows['dead']} actions are dead")
    integrity = [row[0] for row in db.execute("PRAGMA integrity_check")]
    if integrity != ["ok"]:
        result.problems.append(f"the database is damaged: {'; '.join(integrity)}")

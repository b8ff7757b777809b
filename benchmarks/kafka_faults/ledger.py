"""What must have come of the events, by the engine in memory, against what stands on topics and at the peer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.receiver import Receiver
from kafka.audit import Audit

from automations.engine import compile_rules, plan
from automations.engine.simulation import Simulation
from automations.model.event import Event
from automations.rulefiles import load_rules
from automations.runtime.kafka.records import Result
from kafka_faults.load import Load


@dataclass
class Line:
    """How many of a kind there must be, how many were lost, there more than once, there without reason."""

    expected: int
    lost: int
    twice: int
    strange: int

    @classmethod
    def of(cls, expected: Iterable[str], found: Iterable[str]) -> Line:
        """Compare two bags."""
        wanted, have = Counter(expected), Counter(found)
        lost = sum((wanted - have).values())
        twice = sum((Counter({key: n for key, n in have.items() if key in wanted}) - wanted).values())
        return cls(wanted.total(), lost, twice, sum(n for key, n in have.items() if key not in wanted))

    @property
    def exact(self) -> bool:
        """Nothing lost, nothing twice, nothing strange."""
        return not (self.lost or self.twice or self.strange)


@dataclass
class Ledger:
    """What the audit found."""

    lines: dict[str, Line] = field(default_factory=dict)
    repeated_deliveries: int = 0
    lag: dict[str, int] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Everything is as it must be."""
        return all(line.exact for line in self.lines.values()) and not any(self.lag.values())


async def ledger_of(audit: Audit, load: Load, rules: Path, peer: Receiver) -> Ledger:
    """Read everything that stands on the topics."""
    firings, actions = expected(load.events, rules)
    results = [Result.read(record) for record in await audit.records(audit.topology.results)]
    letters = [letter.code for letter in await audit.dead_letters()]
    delivered = peer.keys
    found = Ledger(repeated_deliveries=peer.deliveries.total() - len(delivered))
    found.lines = {
        "firings": Line.of(firings, [body["id"] for body in await audit.firings()]),
        "actions": Line.of(actions, [action.id for action in await audit.actions()]),
        "results": Line.of(actions, [result.action for result in results]),
        "effects": Line.of(actions, delivered),
        "counted events": Line.of(failed(load.events), await counted(audit)),
        "dead letters": Line.of(load.buried.elements(), letters),
    }
    found.lag = {stage: await audit.lag(stage) for stage in ("match", "evaluate", "dispatch")}
    return found


def expected(events: Sequence[Event], rules: Path) -> tuple[list[str], list[str]]:
    """The ids of the firings and the actions that must come of events."""
    simulation = Simulation(compile_rules(load_rules(rules)), events[0].received)
    found = [pair for event in events for pair in simulation.feed(event)[1]]
    firings = [firing.id for _, firing in found]
    return firings, [action.id for program, firing in found for action in plan(program, firing)]


def failed(events: Sequence[Event]) -> list[str]:
    """The customer of each event that a window counts."""
    return [e.resource["prefect.resource.id"] for e in events if e.name == "order.failed"]


async def counted(audit: Audit) -> list[str]:
    """The customer of each event that the state says was counted."""
    cells = await audit.cells()
    return [
        group[2:-2]
        for (automation, group), state in cells.items()
        if automation == "third-of-a-customer"
        for _ in range(state["arrivals"])
    ]

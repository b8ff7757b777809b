"""Events of many customers, and the rules that count them: what must come of them is known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kafka.audit import Audit, repeated

from automations.engine import compile_rules, plan
from automations.engine.simulation import Simulation
from automations.model.event import Event
from automations.rulefiles import load_rules
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import EventRecord
from automations.runtime.kafka.topics import Topology

RULES = """
- name: each-tenth
  trigger: {expect: order.failed, match: {tenth: "yes"}}
  actions: [{type: call-webhook, url: "http://localhost/each", body: "{{ event.payload.n }}"}]
- name: third-of-a-customer
  trigger: {expect: order.failed, threshold: 3, within: 2h, for_each: id}
  actions: [{type: call-webhook, url: "http://localhost/third", body: "{{ count }}"}]
"""


def rules_in(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "orders.yaml").write_text(RULES)
    return folder


def orders(number: int, customers: int = 20) -> list[Event]:
    """A minute apart at most, so that windows span many; all of now."""
    now = time.time_ns() // 1_000
    return [
        Event(
            source="shop",
            id=str(n),
            name="order.failed",
            occurred=now + n,
            received=now + n,
            resource={"prefect.resource.id": f"customer.{n % customers}", "tenth": "no" if n % 10 else "yes"},
            payload={"n": n},
        )
        for n in range(number)
    ]


async def send_all(cluster: Cluster, topology: Topology, events: Sequence[Event]) -> None:
    """Durable when it returns."""
    async with cluster.producer() as producer:
        for event in events:
            record = EventRecord(event).to(topology.events)
            await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
        await producer.flush()


async def assert_exact(audit: Audit, events: Sequence[Event], folder: Path) -> None:
    """Nothing lost, nothing twice: the firings and actions of a simulation, each once, and all events counted."""
    simulation = Simulation(compile_rules(load_rules(folder)), events[0].received)
    found = [pair for event in events for pair in simulation.feed(event)[1]]
    fired = [body["id"] for body in await audit.firings()]
    acted = [action.id for action in await audit.actions()]
    assert repeated(fired) == []
    assert sorted(fired) == sorted(firing.id for _, firing in found)
    assert repeated(acted) == []
    assert sorted(acted) == sorted(action.id for program, firing in found for action in plan(program, firing))
    assert await counted(audit) == Counter(event.resource["prefect.resource.id"] for event in events)
    assert await audit.dead_letters() == []


async def counted(audit: Audit) -> Counter[str]:
    """Events by customer, as the state has them."""
    cells = await audit.cells()
    return Counter({group[2:-2]: state["arrivals"] for (_, group), state in cells.items()})

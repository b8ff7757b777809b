"""A campaign: load, and fault after fault, then quiet and the audit."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from faults.receiver import receiver
from kafka.audit import Audit, until
from kafka.broker import Broker
from kafka.conftest import coordinating
from kafka.worker_main import POINTS

from automations.runtime.kafka.rules import publish
from automations.runtime.kafka.topics import Topology, create
from kafka_faults.ledger import Ledger, ledger_of
from kafka_faults.load import Load, write_project

_BENCHMARKS: Final = Path(__file__).parents[1]
_DECK: Final = {
    "crash at a step": 4,
    "kill": 2,
    "zombie": 2,
    "join and leave": 2,
    "graceful restart": 2,
    "broker killed": 1,
    "poison": 1,
    "oversized": 1,
}
"""How many of each kind among fifteen."""
_SESSION: Final = 6.0
_QUIET: Final = 180.0
"""Seconds in which everything must have been processed after the last fault."""


class Workers:
    """Slots, each with a database; a worker that has ended is started again, as a supervisor does."""

    def __init__(self, folder: Path, number: int, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.codes: Counter[int] = Counter()
        for slot in range(number):
            self.start(f"worker-{slot}")

    def start(self, slot: str, *crash: str) -> subprocess.Popen[bytes]:
        """Start a worker in a slot."""
        command = [sys.executable, "-m", "kafka_faults.worker", str(self._folder), f"{slot}.db", *crash]
        with (self._folder / f"{slot}.log").open("ab") as log:
            self.running[slot] = subprocess.Popen(
                command, cwd=_BENCHMARKS, stdout=log, stderr=log, env={**os.environ, **self._environment}
            )
        return self.running[slot]

    def end(self, slot: str, how: signal.Signals) -> int:
        """End the worker of a slot; returns its exit code."""
        worker = self.running.pop(slot)
        worker.send_signal(how)
        return self.note(worker.wait(60))

    def note(self, code: int) -> int:
        """Count how workers ended."""
        self.codes[code] += 1
        return code

    def revive(self) -> None:
        """Start again what has ended."""
        for slot, worker in list(self.running.items()):
            if worker.poll() is not None:
                self.note(worker.returncode)
                self.start(slot)

    def kill_all(self) -> None:
        """End everything."""
        for worker in self.running.values():
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.wait()


@dataclass
class Report:
    """How a campaign went. `codes`: how often workers ended with which code."""

    faults: Counter[str]
    events: int
    codes: Counter[int]
    seconds: float
    ledger: Ledger = field(default_factory=Ledger)


class Campaign:
    """Faults against a cluster, at moments that the seed decides."""

    def __init__(
        self, broker: Broker, workers: Workers, load: Load, chance: random.Random, only: str | None
    ) -> None:
        self._broker, self._workers, self._load, self._chance = broker, workers, load, chance
        self.faults: Counter[str] = Counter()
        self._kinds: Mapping[str, Callable[[], Awaitable[None]]] = {
            "crash at a step": self._crash,
            "kill": self._kill,
            "zombie": self._zombie,
            "join and leave": self._come_and_go,
            "graceful restart": self._restart,
            "broker killed": self._kill_broker,
            "poison": self._poison,
            "oversized": self._oversize,
        }
        self._deck = [only] if only else [kind for kind, cards in _DECK.items() for _ in range(cards)]
        self._next: list[str] = []

    async def fault(self) -> None:
        """One fault, and a moment until the next one."""
        if not self._next:
            self._next = self._chance.sample(self._deck, len(self._deck))
        kind = self._next.pop()
        await self._kinds[kind]()
        self.faults[kind] += 1
        await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        self._workers.revive()

    def _any(self) -> str:
        return self._chance.choice(sorted(self._workers.running))

    async def _crash(self) -> None:
        """A worker that kills itself at a step of some transaction."""
        slot = self._any()
        self._workers.end(slot, signal.SIGKILL)
        point, count = self._chance.choice(sorted(POINTS)), self._chance.randint(1, 60)
        doomed = self._workers.start(slot, point, str(count))
        await ended(doomed, 25)
        self._workers.end(slot, signal.SIGKILL)
        self._workers.start(slot)

    async def _kill(self) -> None:
        slot = self._any()
        self._workers.end(slot, signal.SIGKILL)
        self._workers.start(slot)

    async def _zombie(self) -> None:
        """Asleep for longer than the session, while others take its partitions over, and awake again."""
        zombie = self._workers.running[self._any()]
        zombie.send_signal(signal.SIGSTOP)
        await asyncio.sleep(_SESSION + self._chance.uniform(1, 4))
        zombie.send_signal(signal.SIGCONT)
        await ended(zombie, 10)

    async def _come_and_go(self) -> None:
        """One more worker, which leaves while it restores, or soon after."""
        slot = f"guest-{self.faults['join and leave']}"
        self._workers.start(slot)
        await asyncio.sleep(self._chance.uniform(1.5, 5))
        self._workers.end(slot, self._chance.choice([signal.SIGTERM, signal.SIGKILL]))

    async def _restart(self) -> None:
        """In good order, with a backlog."""
        slot = self._any()
        await asyncio.to_thread(self._workers.end, slot, signal.SIGTERM)
        self._workers.start(slot)

    async def _kill_broker(self) -> None:
        self._broker.kill()
        await asyncio.sleep(self._chance.uniform(0.5, 3))
        await asyncio.to_thread(self._broker.start)

    async def _poison(self) -> None:
        self._load.poison()

    async def _oversize(self) -> None:
        self._load.oversize()


async def ended(process: subprocess.Popen[bytes], within: float) -> bool:
    """True when the process ends within so many seconds."""
    deadline = time.monotonic() + within
    while process.poll() is None and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return process.poll() is not None


async def run_campaign(
    folder: Path, faults: int, seed: int, rate: int, environment: Mapping[str, str], only: str | None = None
) -> Report:
    """Run a campaign in a folder; `only`: no other kind of fault."""
    broker = Broker(folder / "broker")
    broker.start()
    begun = time.monotonic()
    try:
        await until(lambda: coordinating(broker.bootstrap))
        topology = Topology(f"chaos-{uuid4().hex[:8]}", partitions=4)
        audit = Audit(broker.bootstrap, topology)
        async with receiver() as peer:
            rules = write_project(folder / "project", broker.bootstrap, topology.prefix, peer.url)
            await create(broker.bootstrap, topology)
            await publish(audit.cluster, topology, rules)
            load = Load(audit, rate)
            workers = Workers(folder / "project", 2, environment)
            try:
                campaign = Campaign(broker, workers, load, random.Random(seed), only)
                await _under_load(campaign, load, faults)
                await until(lambda: _quiet(workers, audit), _QUIET)
            finally:
                workers.kill_all()
            report = Report(campaign.faults, len(load.events), workers.codes, time.monotonic() - begun)
            report.ledger = await ledger_of(audit, load, rules, peer)
            return report
    finally:
        broker.stop()


async def _under_load(campaign: Campaign, load: Load, faults: int) -> None:
    sending = asyncio.create_task(load.run())
    try:
        await asyncio.sleep(2)
        for _ in range(faults):
            await campaign.fault()
            if sending.done():
                break
    finally:
        load.stop()
        await sending


async def _quiet(workers: Workers, audit: Audit) -> bool:
    """Everything is processed: each stage is at its end, in their order."""
    workers.revive()
    return not any([await audit.lag(stage) for stage in ("match", "evaluate", "dispatch")])

"""Measurements on one broker: how fast a group comes to the end of a topic, and what that takes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from kafka.audit import until
from kafka.broker import Broker
from kafka.conftest import coordinating

from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.rules import publish
from automations.runtime.kafka.topics import Topology, create
from kafka_speed.workload import Kind, events, group_events, write_rules

PARTITIONS: Final = 4
_BENCHMARKS: Final = Path(__file__).parents[1]
_WORKER: Final = _BENCHMARKS.parent / "tests" / "kafka" / "worker_main.py"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LOOK: Final = 0.1


@dataclass(frozen=True)
class Speed:
    """Events a second; cores that were busy meanwhile, of the workers and of the broker."""

    rate: float
    workers: float
    broker: float


def cpu(pid: int) -> float:
    """Seconds of a process on a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def processes(commands: Iterable[Sequence[str]], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run commands until the block ends."""
    with log.open("ab") as output:
        started = [
            subprocess.Popen([sys.executable, *command], cwd=_BENCHMARKS, stdout=output, stderr=output)
            for command in commands
        ]
    try:
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait()


class Bench:
    """One broker, on which all contenders run, one after another."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.cluster, self._broker, self._folder = Cluster(broker.bootstrap), broker, folder
        self._log = folder / "contenders.log"

    async def __aenter__(self) -> Bench:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        self._ends = AIOKafkaConsumer(bootstrap_servers=self.cluster.bootstrap)
        await self._admin.start()
        await self._ends.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ends.stop()
        await self._admin.close()

    # --- contenders ----------------------------------------------------------------------------------------

    async def faust(self, number: int, take: int | None) -> Speed:
        """An agent that does nothing."""
        topic = await self._topic("faust")
        await self._load(topic, events(number, "immediate"))
        command = ["-m", "kafka_speed.faust_agent", self.cluster.bootstrap, topic, f"{topic}.group"]
        return await self._speed([[*command, *([str(take)] if take else [])]], {f"{topic}.group": topic}, number)

    async def bare(self, number: int) -> Speed:
        """Transactions that decide nothing."""
        topic, output = await self._topic("bare"), await self._topic("output")
        await self._load(topic, events(number, "immediate"))
        command = ["-m", "kafka_speed.bare", self.cluster.bootstrap, topic, f"{topic}.group", output]
        return await self._speed([command], {f"{topic}.group": topic}, number)

    async def ours(self, number: int, kind: Kind, workers: int) -> Speed:
        """From events to rendered actions."""
        topology = await self._installed(kind)
        await self._load(topology.events, events(number, kind))
        groups = {topology.name("match"): topology.events, topology.name("evaluate"): topology.matches}
        return await self._speed([self._worker(topology)] * workers, groups, number)

    async def latency(self, kind: Kind, rate: float, seconds: float) -> Sequence[float]:
        """Milliseconds from the moment at which an event was due to be sent to that at which its action can be
        read, sorted.
        """
        topology = await self._installed(kind)
        number = int(rate * seconds)
        with processes([self._worker(topology)], self._log):
            await self._load(topology.events, events(200, kind))
            await self._drained({topology.name("match"): topology.events})
            await asyncio.sleep(2)
            reading = asyncio.create_task(self._read_actions(topology, 200))
            begun = await self._paced(topology.events, events(number, kind, 1_000), rate)
            await asyncio.sleep(2)
            reading.cancel()
            seen = (await asyncio.gather(reading, return_exceptions=True))[0]
        assert isinstance(seen, dict)
        return sorted(
            1_000 * (at - begun - (order - 1_000) / rate) for order, at in seen.items() if order >= 1_000
        )

    async def state(self, groups: int) -> tuple[float, float, float]:
        """Bytes for each open group: of a worker that opened them, of one that restored them; and the seconds in
        which it did.
        """
        topology = await self._installed("windowed")
        waiting = {topology.name("match"): topology.events, topology.name("evaluate"): topology.matches}
        with processes([self._worker(topology)], self._log) as (worker,):
            await self._load(topology.events, events(100, "windowed"))
            await self._drained(waiting)
            before = memory(worker.pid)
            await self._load(topology.events, group_events(groups))
            await self._drained(waiting)
            held = memory(worker.pid) - before
        log = self._folder / "restore.log"
        with processes([self._worker(topology)], log) as (worker,):
            while log.read_text().count("state_restored") < PARTITIONS:
                await asyncio.sleep(_LOOK)
            restored = memory(worker.pid) - before
        lines = [orjson.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        times = {event: [_moment(x) for x in lines if x["event"] == event] for event in _RESTORING}
        return held / groups, restored / groups, max(times["state_restored"]) - min(times["partition_started"])

    def _worker(self, topology: Topology) -> list[str]:
        return [str(_WORKER), self.cluster.bootstrap, topology.prefix, "match,evaluate"]

    # --- topics --------------------------------------------------------------------------------------------

    async def _topic(self, name: str) -> str:
        topic = f"{name}-{uuid4().hex[:8]}"
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        finally:
            await admin.close()
        return topic

    async def _installed(self, kind: Kind) -> Topology:
        topology = Topology(f"bench-{uuid4().hex[:8]}", PARTITIONS)
        await create(self.cluster.bootstrap, topology)
        await publish(self.cluster, topology, write_rules(self._folder / topology.prefix, kind))
        return topology

    async def _load(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
        async with self.cluster.producer() as producer:
            for key, value in records:
                await producer.send(topic, value, key)
            await producer.flush()

    async def _paced(self, topic: str, records: Iterable[tuple[bytes, bytes]], rate: float) -> float:
        """Send at a rate; returns when it began."""
        async with self.cluster.producer() as producer:
            begun = time.time()
            for number, (key, value) in enumerate(records):
                if (ahead := begun + number / rate - time.time()) > 0.002:
                    await asyncio.sleep(ahead)
                await producer.send(topic, value, key)
            await producer.flush()
        return begun

    async def _read_actions(self, topology: Topology, rest: int) -> Mapping[int, float]:
        """When each action could be read, by its event's number, until cancelled. `rest`: numbers to pass over."""
        seen: dict[int, float] = {}
        options = {**self.cluster.client_options, "isolation_level": "read_committed"}
        consumer = AIOKafkaConsumer(topology.actions, auto_offset_reset="earliest", **options)
        await consumer.start()
        try:
            async for record in consumer:
                order = int(orjson.loads(record.value)["body"]["job_variables"]["env.ORDER"])
                if order >= rest:
                    seen[order] = time.time()
        except asyncio.CancelledError:
            return seen
        finally:
            await consumer.stop()
        return seen

    # --- measuring -----------------------------------------------------------------------------------------

    async def _speed(self, commands: Sequence[Sequence[str]], groups: Mapping[str, str], number: int) -> Speed:
        """From the first position that was committed to the last, so that a start costs nobody anything."""
        broker = self._broker.process
        assert broker is not None
        with processes(commands, self._log) as workers:
            first, left = await self._begun(groups, number)
            busy = [sum(cpu(worker.pid) for worker in workers), cpu(broker.pid)]
            last = await self._drained(groups)
            took = last - first
            used = [sum(cpu(worker.pid) for worker in workers) - busy[0], cpu(broker.pid) - busy[1]]
        return Speed(left / took, used[0] / took, used[1] / took)

    async def _begun(self, groups: Mapping[str, str], number: int) -> tuple[float, int]:
        """When the first of the groups had committed something, and how many events were left then."""
        group, topic = next(iter(groups.items()))
        while True:
            lag = await self._lag(group, topic)
            if lag < number:
                return time.monotonic(), lag
            await asyncio.sleep(_LOOK / 5)

    async def _drained(self, groups: Mapping[str, str]) -> float:
        """When the groups had committed everything, each in its turn."""
        for group, topic in groups.items():
            while await self._lag(group, topic):
                await asyncio.sleep(_LOOK)
        return time.monotonic()

    async def _lag(self, group: str, topic: str) -> int:
        """Offsets that are not committed, but for markers."""
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        ends = await self._ends.end_offsets(partitions)
        done = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
        return sum(ends[each] - max(done[each].offset if each in done else 0, 0) for each in partitions)


_RESTORING: Final = ("partition_started", "state_restored")


def _moment(line: Mapping[str, str]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


@asynccontextmanager
async def bench_in(folder: Path) -> AsyncIterator[Bench]:
    """A broker in a folder, and what measures on it."""
    broker = Broker(folder / "broker")
    broker.start()
    try:
        await until(lambda: coordinating(broker.bootstrap))
        async with Bench(broker, folder) as bench:
            yield bench
    finally:
        broker.stop()

"""Commands as processes, in the folder of a project."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running import AUTOMATIONS, clean_environment

from automations.model.event import Event
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import EventRecord
from automations.runtime.kafka.topics import Topology


def run(project: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AUTOMATIONS, *arguments],
        cwd=project,
        input=stdin,
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=60,
        check=False,
    )


@contextmanager
def worker(project: Path, kafka: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    log = project / f"worker{''.join(flags)}.log"
    command = [*AUTOMATIONS, "worker", "--kafka", kafka, *flags]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=project, stderr=output, env=clean_environment())
    try:
        yield process
    except BaseException:
        print(log.read_text())
        raise
    finally:
        process.kill()
        process.wait(10)


def installed(project: Path, kafka: str) -> None:
    for command in (["topics", "create", "--partitions", "2"], ["rules", "publish", "rules"]):
        done = run(project, *command, "--kafka", kafka)
        assert done.returncode == 0, done.stderr


async def send(cluster: Cluster, topology: Topology, *events: Event) -> None:
    """Write events as the door does."""
    async with cluster.producer() as producer:
        for event in events:
            record = EventRecord(event).to(topology.events)
            await producer.send_and_wait(record.topic, record.value, record.key, headers=list(record.headers))

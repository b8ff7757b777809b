"""Workers as processes, to be killed, stopped and suspended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from automations.runtime.kafka.topics import Topology

AT_ONCE = 300
"""Records of a transaction at most: so many faults may come between two."""
MAIN = Path(__file__).with_name("worker_main.py")


class Worker:
    def __init__(
        self, bootstrap: str, topology: Topology, log: Path, stages: str = "match,evaluate", *crash: str
    ) -> None:
        self.log = log
        command = [sys.executable, str(MAIN), bootstrap, topology.prefix, stages, *crash]
        with log.open("ab") as output:
            environment = {**os.environ, "AT_ONCE": str(AT_ONCE)}
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def assigned(self, topic: str) -> list[int]:
        """The partitions of a topic that it was given last, by its log."""
        lines = [orjson.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        given = [line for line in lines if line["event"] == "partitions_assigned"]
        return next((line["partitions"] for line in reversed(given) if line["topic"].endswith(f".{topic}")), [])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """End in good order; returns the exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def suspend(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Workers:
    """Starts workers one after another; what a fault ends is started again by `revive`, as a supervisor does."""

    def __init__(self, bootstrap: str, topology: Topology, folder: Path) -> None:
        self._bootstrap, self._topology, self._folder = bootstrap, topology, folder
        self._started = 0
        self.running: list[Worker] = []

    def start(self, stages: str = "match,evaluate", *crash: str) -> Worker:
        self._started += 1
        log = self._folder / f"worker-{self._started}.log"
        worker = Worker(self._bootstrap, self._topology, log, stages, *crash)
        self.running.append(worker)
        return worker

    def revive(self) -> int:
        """Start a worker for each that has ended; returns their number."""
        ended = [worker for worker in self.running if not worker.alive]
        for worker in ended:
            self.running.remove(worker)
            self.start()
        return len(ended)

    def end(self) -> None:
        for worker in self.running:
            worker.resume() if worker.alive else None
            worker.kill()

    def logs(self) -> str:
        return "\n".join(
            f"{log.name}: {log.read_text(errors='replace')[-3000:]}" for log in sorted(self._folder.glob("*.log"))
        )


@contextmanager
def workers(bootstrap: str, topology: Topology, folder: Path) -> Iterator[Workers]:
    """Whatever runs at the end is killed; where the test failed, their logs are shown."""
    started = Workers(bootstrap, topology, folder)
    try:
        yield started
    except BaseException:
        print(started.logs())
        raise
    finally:
        started.end()

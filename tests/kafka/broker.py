"""A real Apache Kafka: one KRaft node on loopback, whose data outlives its process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = os.environ.get("KAFKA_VERSION", "4.1.0")
JARS = ROOT / ".kafka" / VERSION
_START = 60.0
"""Seconds that a broker may take to answer."""


def fetch_jars(version: str = VERSION) -> Path:
    """Return the folder of the broker's jars; Maven fetches them once."""
    libs = ROOT / ".kafka" / version / "libs"
    if not (libs.parent / "complete").exists():
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise RuntimeError(
                    f"{program} is missing; on Debian: apt-get install openjdk-17-jre-headless maven"
                )
        command = ["mvn", "-q", "-f", str(Path(__file__).with_name("pom.xml")), "dependency:copy-dependencies"]
        subprocess.run([*command, f"-Dkafka.version={version}", f"-DoutputDirectory={libs}"], check=True)
        (libs.parent / "complete").touch()
    return libs


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


class Broker:
    """Keeps its data below `home`, so that it can be killed and started again with what it knows."""

    def __init__(self, home: Path, version: str = VERSION) -> None:
        self.home = home
        self.port, self._controller = _free_ports()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._classpath = f"{fetch_jars(version)}/*"
        home.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(self._properties())
        self._format()

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        command = self._java("-Xms256m", "-Xmx768m", "kafka.Kafka", str(self._configuration))
        with (self.home / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def wait(self) -> None:
        """Return once it answers."""
        assert self.process is not None
        deadline = time.monotonic() + _START
        while not self._answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the broker did not start: {self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut down in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a crash does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def tail(self) -> str:
        return (self.home / "broker.log").read_text(errors="replace")[-2000:]

    def _end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    # --- set up --------------------------------------------------------------------------------------------

    @property
    def _configuration(self) -> Path:
        return self.home / "server.properties"

    def _java(self, *arguments: str) -> list[str]:
        options, rest = [a for a in arguments if a.startswith("-X")], [a for a in arguments if a[:2] != "-X"]
        return ["java", *options, "-cp", self._classpath, *rest]

    def _format(self) -> None:
        tool = self._java("kafka.tools.StorageTool")
        configuration = str(self._configuration)
        command = [*tool, "format", "-t", self._cluster_id(), "-c", configuration]
        subprocess.run(command, check=True, capture_output=True)

    def _cluster_id(self) -> str:
        tool = self._java("kafka.tools.StorageTool")
        made = subprocess.run([*tool, "random-uuid"], check=True, capture_output=True, text=True)
        return made.stdout.strip().splitlines()[-1]

    def _properties(self) -> str:
        here, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller}"
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{here},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{here}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.home / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.num.partitions": "8",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            "log.cleaner.backoff.ms": "200",
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())

"""What docker-compose.yml runs, without Docker: the same commands, settings and health checks, on loopback."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kafka.audit import Audit, until
from kafka.broker import ROOT, Broker
from running import AUTOMATIONS, clean_environment, event
from with_prefect.server import free_port

from automations.cli import cli
from automations.runtime.kafka.records import Result
from automations.runtime.kafka.topics import Topology

TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: Mapping[str, Any] = yaml.safe_load(TEXT)
SERVICES: Mapping[str, Any] = FILE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MOUNTS = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
LASTING = [name for name, service in SERVICES.items() if "restart" in service]


def commands() -> list[str]:
    """Every `automations ...` that the two files run."""
    (default,) = re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    given = [service["command"] for service in SERVICES.values() if "command" in service]
    lines = [words if isinstance(words, str) else words[-1] for words in [*given, json.loads(default)]]
    return [command.strip() for line in lines for command in re.findall(r"automations [^;&|]+", line)]


def test_every_image_is_pinned_to_a_full_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[\w/]+:(\d+\.\d+\.\d+|17\.\d+)(-[\w.-]+)?", image), image


def test_our_image_and_prefects_are_of_the_versions_that_are_tested() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (prefect,) = re.findall(r"^prefect==(\S+)", (ROOT / "requirements/prefect.txt").read_text(), re.MULTILINE)
    assert {service["image"] for service in SERVICES.values() if "build" in service} == {f"automations:{ours}"}
    assert SERVICES["prefect"]["image"] == f"prefecthq/prefect:{prefect}-python3.11"


def test_no_secret_stands_in_the_files() -> None:
    settings = [name for service in SERVICES.values() for name in service.get("environment", {})]
    secrets = [name for name in settings if re.search("PASSWORD|SECRET|TOKEN|KEY", name)]
    assert secrets == ["POSTGRES_PASSWORD_FILE"]
    assert re.findall(r"(?i)(?:password|secret|token|key)\w*=\S+|://\w+:[^\s$@/]+@", TEXT + DOCKERFILE) == []


def test_what_is_published_is_so_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_what_ends_is_waited_for_and_what_lasts_is_started_again_and_watched() -> None:
    conditions = {
        (name, needed["condition"])
        for service in SERVICES.values()
        for name, needed in service.get("depends_on", {}).items()
    }
    ending = {name for name, condition in conditions if condition == "service_completed_successfully"}
    assert ending == SERVICES.keys() - set(LASTING)
    assert re.search(r"^HEALTHCHECK ", DOCKERFILE, re.MULTILINE)
    for name in LASTING:
        service = SERVICES[name]
        assert service["restart"] == "unless-stopped"
        assert "test" in service["healthcheck"] if "healthcheck" in service else "build" in service


@pytest.mark.parametrize("line", commands())
def test_each_command_is_one_of_ours(line: str, tmp_path: Path) -> None:
    command: click.Command | None = cli
    words = shlex.split(line.replace("/rules", str(ROOT / "rules")).replace("/data", str(tmp_path)))[1:]
    while isinstance(command, click.Group):
        command, words = command.get_command(click.Context(command), words[0]), words[1:]
    assert command is not None
    command.make_context(command.name, words)


def test_every_volume_is_declared_and_every_path_is_there() -> None:
    named = {source for source, *_ in MOUNTS if not source.startswith(".")}
    assert named == FILE["volumes"].keys()
    assert [source for source, *_ in MOUNTS if not (source in named or (ROOT / source).exists())] == []


def test_what_comes_from_the_repository_is_read_only() -> None:
    assert {mode for source, _, *mode in MOUNTS if source.startswith(".") for mode in mode or ["rw"]} == {"ro"}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_reads_the_file() -> None:
    command = ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


class ComposedBroker(Broker):
    """With the settings that the image is given in its environment."""

    def _properties(self) -> str:
        here, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller}"
        places = {
            "PLAINTEXT://:9092": f"PLAINTEXT://{here}",
            "kafka:9092": here,
            "localhost:9093": controller,
            "/var/lib/kafka/data": str(self.home / "data"),
        }
        given = SERVICES["kafka"]["environment"]
        return "".join(
            f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={replaced(value, places)}\n"
            for name, value in given.items()
        )


def replaced(text: str, places: Mapping[str, str]) -> str:
    for inside, outside in places.items():
        text = text.replace(inside, outside)
    return text


class Composed:
    """The services' commands, where what they name inside of the network stands for something on this machine."""

    def __init__(self, home: Path, kafka: str) -> None:
        self.home = home
        self.gateway, self.prefect = free_port(), free_port()
        self._places = {
            "kafka:9092": kafka,
            "/rules": str(ROOT / "rules"),
            "0.0.0.0": "127.1",  # noqa: S104 - loopback, written so that it counts as beyond, and asks for keys
            "/project": str(ROOT),
            "prefect:4200": f"127.0.0.1:{self.prefect}",
            ":4280": f":{self.gateway}",
        }
        self.binaries = home / "bin"
        self.binaries.mkdir()
        program = self.binaries / "automations"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m automations "$@"\n')
        program.chmod(0o755)
        (self.binaries / "python").symlink_to(sys.executable)

    def places(self, name: str) -> Mapping[str, str]:
        data = self.home / name
        data.mkdir(exist_ok=True)
        return {**self._places, "/data": str(data)}

    def start(self, name: str, **places: str) -> subprocess.Popen[bytes]:
        service, places = SERVICES[name], {**self.places(name), **places}
        command = service.get("command")
        words = shlex.split(command) if isinstance(command, str) else command
        given = {key: replaced(value, places) for key, value in service.get("environment", {}).items()}
        environment = clean_environment(
            AUTOMATIONS_PORT=str(self.gateway), PYTHONPATH=str(ROOT), PATH=self.path, **given
        )
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [replaced(word, places) for word in words],
                cwd=self.home / name,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def path(self) -> str:
        return f"{self.binaries}:{os.environ['PATH']}"

    @contextmanager
    def running(self, name: str, **places: str) -> Iterator[None]:
        process = self.start(name, **places)
        try:
            yield
        except BaseException:
            print(self.log(name)[-3000:])
            raise
        finally:
            process.terminate()
            process.wait(20)

    async def healthy(self, name: str, **places: str) -> bool:
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [replaced(word, {**self.places(name), **places}) for word in words]
        environment = clean_environment(PATH=self.path)
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = ComposedBroker(tmp_path / "kafka")
    running.start()
    yield running
    running.stop()


async def test_what_the_gateway_takes_the_workers_carry_out(tmp_path: Path, broker: Broker) -> None:
    composed = Composed(tmp_path, broker.bootstrap)
    assert composed.start("setup").wait(60) == 0, composed.log("setup")
    audit = Audit(broker.bootstrap, Topology())
    ports = {"worker-1": str(free_port()), "worker-2": str(free_port())}
    with ExitStack() as stack:
        stack.enter_context(composed.running("gateway"))
        for name, port in ports.items():
            stack.enter_context(composed.running(name, **{"4201": port}))
        await until(lambda: both_joined(audit), 60)
        await until(lambda: composed.healthy("gateway"), 60)
        for name, port in ports.items():
            await until(lambda name=name, port=port: composed.healthy(name, **{"4201": port}), 60)  # type: ignore[misc]
        key = printed_key(composed.log("gateway"), "gateway")
        failed = [
            event(f"order-{number}", "order.failed", customer="acme", region="eu-west") for number in range(3)
        ]
        assert emit(composed, "none", failed).returncode == 1
        sent = emit(composed, key, failed)
        assert sent.returncode == 0, sent.stderr
        (result,) = await until(lambda: delivered(audit), 60)
        assert (result.automation, result.sink) == ("repair-orders", "process")
        assert await audit.dead_letters() == []


async def both_joined(audit: Audit) -> bool:
    """Before it, asking whether they are healthy, in one process after the other, would slow down their start."""
    return await audit.members("dispatch") == 2


def printed_key(log: str, name: str) -> str:
    """What the head of the file says finds it."""
    (command,) = re.findall(rf"logs {name} \| (grep .+)$", TEXT, re.MULTILINE)
    found = subprocess.run(shlex.split(command), input=log, capture_output=True, text=True, check=True)
    _, key = found.stdout.splitlines()
    return key


def emit(composed: Composed, key: str, events: Sequence[Mapping[str, Any]]) -> subprocess.CompletedProcess[str]:
    lines = "".join(json.dumps({**event, "payload": {"minutes": 1}}) + "\n" for event in events)
    url = f"http://127.0.0.1:{composed.gateway}"
    environment = clean_environment(AUTOMATIONS_API_URL=url, AUTOMATIONS_API_KEY=key)
    command = [*AUTOMATIONS, "emit", "-"]
    return subprocess.run(command, env=environment, input=lines, capture_output=True, text=True, check=False)


async def delivered(audit: Audit) -> list[Result]:
    found = [Result.read(record) for record in await audit.records(audit.topology.results)]
    return [result for result in found if result.automation == "repair-orders"]


def test_a_second_start_makes_no_second_key(tmp_path: Path) -> None:
    composed = Composed(tmp_path, "127.0.0.1:1")  # where no broker is: it ends, once it has a key
    for _ in range(2):
        assert composed.start("gateway").wait(60) == 3
    assert printed_key(composed.log("gateway"), "gateway")
    assert composed.log("gateway").count("the key is made in") == 1


def test_the_password_is_made_once(tmp_path: Path) -> None:
    (script,) = SERVICES["postgres-password"]["command"]
    shell = SERVICES["postgres-password"]["entrypoint"]
    made = []
    for _ in range(2):
        subprocess.run([*shell, replaced(script, {"/postgres-password": str(tmp_path)})], check=True)
        made.append((tmp_path / "text").read_text())
    assert made[0] == made[1]
    assert re.fullmatch("[0-9a-f]{64}", made[0])
    assert [path.name for path in tmp_path.iterdir()] == ["text"]

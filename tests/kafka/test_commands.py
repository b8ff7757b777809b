"""The commands of the Kafka runtime, as processes, on a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kafka.audit import Audit, until
from kafka.commands import installed, run, send, worker
from running import clean_environment

from automations.model.event import Event
from automations.runtime.kafka.topics import Topology

RULES = """
- name: at-once
  trigger: {expect: order.created}
  actions: [{type: do-nothing}]
- name: twice
  trigger: {expect: order.created, for_each: id, within: 5m, threshold: 2}
  actions: [{type: do-nothing}]
"""


@pytest.fixture
def project(tmp_path: Path, topology: Topology) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "orders.yaml").write_text(RULES)
    (tmp_path / "automations.toml").write_text(f'[kafka]\nprefix = "{topology.prefix}"\n')
    return tmp_path


def test_topics_are_made_once_and_then_found_to_be_right(kafka: str, project: Path, topology: Topology) -> None:
    missing = run(project, "topics", "check", "--kafka", kafka, "--json")
    assert missing.returncode == 1
    names = [topic.name for topic in topology.topics()]
    told = [json.loads(line) for line in missing.stdout.splitlines()]
    assert [line["topic"] for line in told] == names
    assert told[0]["mend"] == f"automations topics create --kafka {kafka}"
    made = run(project, "topics", "create", "--kafka", kafka, "--partitions", "2")
    assert (made.returncode, made.stdout.split()) == (0, names)
    again = run(project, "topics", "create", "--kafka", kafka)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "0 topic(s) made\n")
    assert run(project, "topics", "check", "--kafka", kafka).returncode == 0


def test_rules_are_published_or_their_errors_told(kafka: str, project: Path) -> None:
    run(project, "topics", "create", "--kafka", kafka)
    done = run(project, "rules", "publish", "rules", "--kafka", kafka, "--json")
    assert (done.returncode, list(json.loads(done.stdout))) == (0, ["revision"])
    (project / "rules" / "bad.yaml").write_text("- {name: x, trigger: {expct: a}, actions: []}\n")
    wrong = run(project, "rules", "publish", "rules", "--kafka", kafka)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "bad.yaml:1:" in wrong.stderr


async def test_workers_share_what_a_stage_each_does(kafka: str, project: Path, topology: Topology) -> None:
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka, "--stage", "match"), worker(project, kafka, "--stage", "evaluate"):
        await send(audit.cluster, topology, *map(created, (1, 2)))
        assert await until(lambda: fired(audit)) == ["at-once", "at-once", "twice"]


async def test_a_worker_does_all_and_ends_when_it_is_told(kafka: str, project: Path, topology: Topology) -> None:
    installed(project, kafka)
    audit = Audit(kafka, topology)
    with worker(project, kafka) as process:
        await send(audit.cluster, topology, *map(created, (1, 2)))
        assert await until(lambda: fired(audit)) == ["at-once", "at-once", "twice"]
        process.terminate()
        assert process.wait(20) == 0


def created(number: int) -> Event:
    return Event("t", str(number), "order.created", number, number, {"prefect.resource.id": "order.1"})


async def fired(audit: Audit) -> list[str]:
    found = sorted(body["automation"] for body in await audit.firings())
    return found if len(found) == 3 else []


def test_without_its_topics_a_worker_ends_with_the_mend(kafka: str, project: Path) -> None:
    done = run(project, "worker", "--kafka", kafka)
    assert done.returncode == 1
    assert f"automations topics create --kafka {kafka}" in done.stderr


COMMANDS = (["worker"], ["topics", "create"], ["topics", "check"], ["rules", "publish", "rules"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_kafka_that_does_not_answer_is_unreachable(project: Path, command: list[str]) -> None:
    done = run(project, *command, "--kafka", "127.0.0.1:1")
    assert done.returncode == 3
    assert "error: [unreachable] Kafka at 127.0.0.1:1: " in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_without_an_address_each_way_to_give_one_is_named(project: Path, command: list[str]) -> None:
    done = run(project, *command)
    assert done.returncode == 1
    assert "--kafka HOST:PORT, set AUTOMATIONS_KAFKA_BOOTSTRAP or [kafka] bootstrap" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_libraries_the_extra_is_named(project: Path, command: list[str]) -> None:
    script = f"""if True:
        import sys
        from importlib.machinery import PathFinder
        find = PathFinder.find_spec
        absent = lambda name, *rest: None if name in ("aiokafka", "faust", "mode") else find(name, *rest)
        PathFinder.find_spec = absent
        sys.argv = ["automations", *{command!r}, "--kafka", "127.0.0.1:1"]
        from automations.cli import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: [missing-extra] Kafka needs aiokafka and faust, which this installation does not have;"
        " pip install 'automations[kafka]'\n"
    )


def test_the_embedded_engine_imports_nothing_of_kafka() -> None:
    script = "import sys, automations.wiring.serving; print({'aiokafka', 'faust', 'mode'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

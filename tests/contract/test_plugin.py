"""A sink type and a source type of another package: found by their entry points, run by the engine; the sink is
proven by the suite.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from contract.suite import SinkContract
from contract.test_sinks import REQUEST, StillClock
from running import AUTOMATIONS, Engine, clean_environment, event

from automations.ports import Sink, SinkContext

PLUGIN = Path(__file__).with_name("plugin")


class JournalHarness:
    faults: frozenset[str] = frozenset()

    def __init__(self, folder: Path, make: Any) -> None:
        self.path = folder / "journal.jsonl"
        self.sink: Sink = make(
            {"path": str(self.path)}, SinkContext("journal", StillClock(), lambda _reference: "")
        )
        self.good = replace(REQUEST, body={"deployment": "a/b", "job_variables": {"cpu": 1}})
        self.bad = replace(REQUEST, body={"job_variables": {}})

    def fail(self, fault: str) -> None:
        raise AssertionError(fault)

    async def effects(self) -> list[str]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return [orjson.loads(line)["id"] for line in lines]


class TestJournalSink(SinkContract):
    @pytest.fixture
    def harness(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JournalHarness:
        monkeypatch.syspath_prepend(PLUGIN)
        from journal import journal_sink

        return JournalHarness(tmp_path, journal_sink)


def project(folder: Path, sinks: str) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "orders.yaml").write_text(
        "name: a\ntrigger: {expect: order.created}\n"
        "actions: [{type: run-deployment, deployment: x/y, job_variables: {n: '{{ event.payload.n }}'}}]\n"
    )
    (folder / "automations.toml").write_text(sinks)
    return folder


def with_plugin() -> dict[str, str]:
    return {"PYTHONPATH": f"{PLUGIN}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_the_engine_sends_runs_to_the_sink_of_another_package(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    engine = Engine(project(tmp_path, f'[sinks.journal]\ntype = "journal"\npath = "{journal}"\n'), **with_plugin())
    try:
        engine.send(event("1"), event("2"))
        engine.until(lambda: journal.exists() and len(journal.read_bytes().splitlines()) == 2)
    finally:
        engine.kill()
    assert [orjson.loads(line)["n"] for line in journal.read_bytes().splitlines()] == [1, 1]


@pytest.mark.parametrize(
    ("sinks", "said"),
    [
        ('[sinks.j]\ntype = "journal"\nfile = "x"\n', "[sinks.j] path: Field required"),
        ('[sinks.j]\ntype = "jornal"\n', "the types are 'process', 'webhook', 'automations', 'notification', "
         "'prefect', 'kafka', 'journal'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_its_settings_is_told(tmp_path: Path, sinks: str, said: str) -> None:
    done = subprocess.run(
        [*AUTOMATIONS, "serve", "-C", str(project(tmp_path, sinks)), "--port", "0"],
        env=clean_environment(**with_plugin()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr


def journaled(journal: Path) -> list[int]:
    return [orjson.loads(line)["n"] for line in journal.read_bytes().splitlines()] if journal.exists() else []


def test_the_engine_takes_events_from_the_source_of_another_package(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    project(tmp_path, f'[sinks.journal]\ntype = "journal"\npath = "{journal}"\n')
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: [{name: numbers, type: counter, up_to: 3}]\n")
    engine = Engine(tmp_path, **with_plugin())
    try:
        engine.until(lambda: len(journaled(journal)) == 3)
        sources.write_text("sources: [{name: numbers, type: counter, up_to: 5}]\n")
        engine.until(lambda: len(journaled(journal)) == 5)
        engine.kill()
        sources.write_text("sources: [{name: numbers, type: counter, up_to: 7}]\n")
        engine.start()
        engine.until(lambda: len(journaled(journal)) == 7)
    finally:
        engine.kill()
    assert sorted(journaled(journal)) == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_wrong_with_the_entry_of_a_source_is_located(tmp_path: Path) -> None:
    project(tmp_path, "")
    (tmp_path / "sources.yaml").write_text("sources:\n  - {name: numbers, type: counter, up_to: none}\n")
    done = subprocess.run(
        [*AUTOMATIONS, "check", "-C", str(tmp_path)],
        env=clean_environment(**with_plugin()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "sources.yaml:2:43 [bad-value] 'up_to'" in done.stdout + done.stderr

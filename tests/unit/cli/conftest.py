"""The commands as `main` runs them, and a real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import AUTOMATIONS, Engine, clean_environment
from unit.cli.samples import Command, Result, ScriptedServer

from automations.cli import main


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AUTOMATIONS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    """Run a command in this process. `stdin` is a file's content; other keywords are environment variables."""

    def run(*arguments: str, stdin: str | bytes = "", **environment: str) -> Result:
        file = tmp_path / "stdin"
        file.write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        with monkeypatch.context() as patch, file.open() as source:
            patch.setattr(sys, "argv", ["automations", *arguments])
            patch.setattr(sys, "stdin", source)
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as exit_info:
                main()
        said = capsys.readouterr()
        return Result(int(exit_info.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real engine on the example of `init`, for all tests here."""
    project = tmp_path_factory.mktemp("engine") / "shop"
    subprocess.run([*AUTOMATIONS, "init", str(project)], check=True, capture_output=True, env=clean_environment())
    running = Engine(project)
    yield running
    assert running.stop() == 0


@pytest.fixture
def ask(command: Command, engine: Engine) -> Command:
    """Run a command that talks to the real engine."""

    def run(*arguments: str, **options: Any) -> Result:
        return command(*arguments, **{"AUTOMATIONS_API_URL": engine.url, **options})

    return run


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.stop()

"""`@flow` and `.deploy()`, as programs use them."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Engine

from automations import GitRepository, flow
from automations.errors import AutomationsError, DeployErrors

FLOWS = """\
import os
from automations import flow

@flow(name="Daily report")
def report(day: str = "today") -> None:
    print(day, os.environ["REGION"], flush=True)

@flow
async def later(n: int) -> None:
    print("later", n, flush=True)
"""


@pytest.fixture
def engine(start: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = start()
    monkeypatch.setenv("AUTOMATIONS_API_URL", engine.url)
    return engine


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "jobs").mkdir(parents=True)
    (folder / "jobs" / "__init__.py").write_text("")
    (folder / "jobs" / "flows.py").write_text(FLOWS)
    return folder


def watched(engine: Engine, name: str, *arguments: str) -> str:
    done = engine.command("deployment", "run", name, *arguments, "--watch")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_decorated_function_is_what_it_was() -> None:
    @flow
    def plain(a: int, b: str = "x") -> str:
        """Says it."""
        return f"{a}{b}"

    @flow(name="Another name")
    async def waits() -> int:
        return 3

    assert (plain(1, b="y"), plain.name, plain.__doc__) == ("1y", "plain", "Says it.")
    assert list(inspect.signature(plain).parameters) == ["a", "b"]
    assert (asyncio.run(waits()), waits.name) == (3, "Another name")


def test_a_flow_is_deployed_from_a_folder_and_runs(engine: Engine, source: Path) -> None:
    deployable = flow.from_source(source, "jobs/flows.py:report")
    name = deployable.deploy(
        "nightly", job_variables={"env": {"REGION": "eu"}}, parameters={"day": "monday"}, cron="0 4 * * *"
    )
    assert name == "Daily report/nightly"
    assert watched(engine, name, "-jv", "env.REGION=asia") == "monday asia\n"
    shown = engine.get("/api/automations/deployment/Daily%20report/nightly/schedule-1")
    assert shown["trigger"]["schedule"]["cron"] == "0 4 * * *"
    later = flow.from_source(str(source), "jobs.flows:later").deploy("once")
    assert watched(engine, later, "-p", "n=4") == "later 4\n"


def test_a_flow_is_deployed_from_a_repository(engine: Engine, source: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *identity, *command], cwd=source, check=True)
    repository = GitRepository(url=f"file://{source}", branch="main")
    name = flow.from_source(repository, "jobs/flows.py:report").deploy(
        "cloned", job_variables={"env.REGION": "eu"}
    )
    assert watched(engine, name).splitlines()[-1] == "today eu"


def test_a_program_deploys_its_own_function(engine: Engine, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from automations import flow\n\n@flow\ndef hello(who: str = 'you') -> None:\n    print('hello', who)\n\n"
        "if __name__ == '__main__':\n    print(hello.deploy('first', parameters={'who': 'me'}))\n"
    )
    done = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True)
    assert done.stdout == "hello/first\n"
    assert watched(engine, "hello/first") == "hello me\n"


def test_what_is_wrong_is_told_whole(engine: Engine, source: Path) -> None:
    deployable = flow.from_source(source, "jobs/flows.py:report")
    with pytest.raises(DeployErrors) as caught:
        deployable.deploy("nightly", job_variables={"timeout": "soon", "imge": "x"}, parameters={"dya": "x"})
    assert len(caught.value.errors) == 3
    with pytest.raises(AutomationsError, match="has no function 'reprot'"):
        flow.from_source(source, "jobs/flows.py:reprot")
    with pytest.raises(AutomationsError, match="cannot be cloned"):
        flow.from_source("file:///nowhere/at/all.git", "x.py:y")


def test_no_engine_is_told(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    monkeypatch.setenv("AUTOMATIONS_API_URL", "http://127.0.0.1:9")
    with pytest.raises(AutomationsError, match="no engine answers at") as caught:
        flow.from_source(source, "jobs/flows.py:report").deploy("nightly")
    assert caught.value.code == "unreachable"


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "('pydantic', 'jinja2', 'aiohttp', 'click')"
    script = f"import sys, automations; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"

"""Pull steps: real repositories, real runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from integration.process_pool import Harness, SystemClock

from automations.jobs import build_run
from automations.model.job import Deployment, Layer, RunState, WorkPool
from automations.store import SqliteStore

FLOW = "import os\ndef show():\n    import beside\n    print(beside.WORD, os.path.basename(os.getcwd()))\n"


@pytest.fixture
async def runs(tmp_path: Path) -> AsyncIterator[Harness]:
    store = SqliteStore.open(tmp_path / "automations.db", clock=SystemClock())
    yield Harness(tmp_path, store, [WorkPool("default")])
    await store.close()


def git(*arguments: str, cwd: Path) -> str:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **identity}, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "jobs.git"
    (folder / "etl").mkdir(parents=True)
    git("init", "-q", cwd=folder)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=folder)
    (folder / "etl" / "flows.py").write_text(FLOW)
    for word in ("first", "second"):
        (folder / "beside.py").write_text(f"WORD = '{word}'\n")
        git("add", ".", cwd=folder)
        git("commit", "-qm", word, cwd=folder)
    git("branch", "stable/1", "HEAD~1", cwd=folder)
    return folder


async def run_with(
    runs: Harness, *pull: dict[str, Any], entrypoint: str = "etl/flows.py:show", **values: Any
) -> str:
    deployment = Deployment("flow", "test", entrypoint, "default", "", pull=pull)
    spec = build_run(
        runs.jobs.work_pool("default"), deployment, Layer(values), id="a" * 32, parameters={}, created_by="test"
    )
    await runs.store.write(lambda tx: tx.add_run(spec, runs.clock.now()))
    return spec.id


async def lines(runs: Harness, run: str) -> list[str]:
    return [text for _, text in await runs.output(run)]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [({}, "second jobs"), ({"branch": "stable/1"}, "first jobs-stable-1")],
)
async def test_a_run_clones_its_code_and_goes_on_there(
    runs: Harness, repository: Path, inputs: dict[str, str], expected: str
) -> None:
    async with runs.running():
        run = await run_with(runs, {"step": "git_clone", "repository": f"file://{repository}", **inputs})
        assert (await runs.until(run)).state is RunState.COMPLETED, await lines(runs, run)
    assert (await lines(runs, run))[-1] == expected
    assert not Path(tempfile.gettempdir(), f"automations-run-{run}").exists()


async def test_a_commit_is_fetched_by_its_name(runs: Harness, repository: Path) -> None:
    first = git("rev-parse", "HEAD~1", cwd=repository)
    step = {"step": "git_clone", "repository": f"file://{repository}", "commit_sha": first}
    async with runs.running():
        run = await run_with(runs, step)
        assert (await runs.until(run)).state is RunState.COMPLETED, await lines(runs, run)
    assert (await lines(runs, run))[-1] == "first jobs"


async def test_steps_read_what_earlier_ones_gave(runs: Harness, repository: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"step": "git_clone", "id": "clone", "repository": f"file://{repository}"},
        {"step": "run_shell_script", "id": "word", "script": "echo third\n# nothing", "stream_output": False},
        {"step": "run_shell_script", "directory": "{{ clone.directory }}",
         "script": "sh -c \"echo WORD = \\'{{ word.stdout }}$MORE\\' > etl/beside.py\"", "env": {"MORE": "!"}},
        {"step": "set_working_directory", "directory": "{{ clone.directory }}/etl"},
    ]  # fmt: skip
    async with runs.running():
        run = await run_with(runs, *steps, entrypoint="flows.py:show")
        assert (await runs.until(run)).state is RunState.COMPLETED, await lines(runs, run)
    assert (await lines(runs, run))[-1] == "third! etl"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"step": "git_clone", "repository": "file:///nowhere/at/all"}, "pull step 1 of 1: git_clone"),
        ({"step": "set_working_directory", "directory": "/nowhere/at/all"}, "/nowhere/at/all is no folder"),
        ({"step": "run_shell_script", "id": "build", "script": "sh -c 'echo broken >&2; exit 3'"}, "broken"),
        ({"step": "run_shell_script", "id": "build", "script": "no-such-command"}, "pull step 1 (build) failed"),
    ],
)
async def test_a_step_that_fails_fails_the_run_and_says_which(
    runs: Harness, step: dict[str, Any], said: str
) -> None:
    async with runs.running():
        run = await run_with(runs, step)
        ended = await runs.until(run)
    assert (ended.state, ended.exit_code) == (RunState.FAILED, 1)
    told = await lines(runs, run)
    assert any(said in line for line in told)
    assert "failed" in told[-1]


async def test_a_command_runs_where_the_steps_end(runs: Harness, repository: Path) -> None:
    async with runs.running():
        run = await run_with(
            runs, {"step": "git_clone", "repository": f"file://{repository}"}, command="cat beside.py"
        )
        assert (await runs.until(run)).state is RunState.COMPLETED
    assert (await lines(runs, run))[-1] == "WORD = 'second'"


async def test_no_value_of_env_is_taken_for_a_pull_step(runs: Harness, tmp_path: Path) -> None:
    evil = '[{"step": "run_shell_script", "script": "touch %s/evil"}]' % tmp_path  # noqa: UP031
    (tmp_path / "flows.py").write_text("def show():\n    pass\n")
    deployment = Deployment("flow", "test", "flows.py:show", "default", str(tmp_path))
    spec = build_run(
        runs.jobs.work_pool("default"), deployment, Layer({"env": {"AUTOMATIONS_PULL": evil}}),
        id="b" * 32, parameters={}, created_by="test",
    )  # fmt: skip
    async with runs.running():
        await runs.store.write(lambda tx: tx.add_run(replace(spec), runs.clock.now()))
        assert (await runs.until(spec.id)).state is RunState.COMPLETED
    assert not (tmp_path / "evil").exists()

"""What an entrypoint may be, where it runs, and what is said when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from integration.process_pool import Harness, SystemClock

from automations.jobs import build_run
from automations.model.job import Deployment, Layer, Run, RunState, WorkPool
from automations.store import SqliteStore

FLOWS = """
import asyncio, json, os, subprocess, sys

def adds(a: int, b: int = 2):
    print(a + b)

def numbers(to: int):
    for n in range(to):
        print("number", n)
        yield n
    if to > 2:
        raise ValueError("too many")

async def letters(to: int):
    for letter in "abc"[:to]:
        await asyncio.sleep(0)
        print("letter", letter)
        yield letter

async def fails_late():
    await asyncio.sleep(0)
    raise KeyError("late")

def raises(text: str):
    raise ValueError(text)

def raises_odd():
    raise ValueError("a\\0b \\ud800")

def exits():
    sys.exit(3)

def place():
    print(json.dumps([os.getcwd(), sys.path[0], sys.prefix]))

def has_ours():
    import automations

def descriptors():
    os.system("ls /proc/self/fd | wc -l")
"""
MODULE = """
from .words import WORD

def says(times: int = 1):
    print(WORD * times)
"""


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    code = tmp_path / "code"
    (code / "jobs").mkdir(parents=True)
    (code / "flows.py").write_text(FLOWS)
    (code / "broken.py").write_text("import no_such_library\n")
    (code / "jobs" / "__init__.py").write_text("")
    (code / "jobs" / "words.py").write_text("WORD = 'word'\n")
    (code / "jobs" / "speech.py").write_text(MODULE)
    store = SqliteStore.open(tmp_path / "test.db", clock=SystemClock())
    yield Harness(code, store, [WorkPool("default")])
    await store.close()


async def ended(
    harness: Harness, entrypoint: str, parameters: dict[str, Any] | None = None, pull: Any = (), **values: Any
) -> tuple[Run, list[str]]:
    """Run it and return how it ended, with its output."""
    directory = "" if pull else str(harness.directory)
    deployment = Deployment("flow", "test", entrypoint, "default", directory, pull=pull)
    pool = harness.jobs.work_pool("default")
    layer = Layer(values, origin="test")
    spec = build_run(pool, deployment, layer, id=uuid4().hex, parameters=parameters or {}, created_by="test")
    await harness.store.write(lambda tx: tx.add_run(spec, harness.clock.now()))
    async with harness.running():
        run = await harness.until(spec.id)
    return run, [text for _, text in await harness.output(spec.id)]


@pytest.mark.parametrize(
    ("entrypoint", "parameters", "output"),
    [
        ("flows.py:adds", {"a": 1}, ["3"]),
        ("flows.py:adds", {"b": 5, "a": 1}, ["6"]),
        ("jobs.speech:says", {"times": 2}, ["wordword"]),
        ("flows.py:numbers", {"to": 2}, ["number 0", "number 1"]),
        ("flows.py:letters", {"to": 2}, ["letter a", "letter b"]),
    ],
)
async def test_functions_of_files_and_modules_and_generators_run_to_their_end(
    entrypoint: str, parameters: dict[str, Any], output: list[str], harness: Harness
) -> None:
    run, told = await ended(harness, entrypoint, parameters)
    assert (run.state, run.message, told) == (RunState.COMPLETED, "", output)


@pytest.mark.parametrize(
    ("entrypoint", "parameters", "reason"),
    [
        ("flows.py:adds", {}, "the parameters do not fit adds: missing a required argument: 'a'"),
        (
            "flows.py:adds",
            {"a": 1, "c": 2},
            "the parameters do not fit adds: got an unexpected keyword argument 'c'",
        ),
        ("flows.py:raises", {"text": "no such\n  order"}, "ValueError: no such order"),
        ("flows.py:raises", {"text": ""}, "ValueError"),
        ("flows.py:raises", {"text": "long " * 1000}, ("ValueError: " + "long " * 1000)[:500]),
        ("flows.py:raises_odd", {}, "ValueError: a\ufffdb ?"),
        ("flows.py:fails_late", {}, "KeyError: 'late'"),
        ("flows.py:numbers", {"to": 3}, "ValueError: too many"),
        ("flows.py:nothing", {}, "AttributeError: module 'flows' has no attribute 'nothing'"),
        ("broken.py:run", {}, "ModuleNotFoundError: No module named 'no_such_library'"),
        ("flows.py:exits", {}, "exit code 3"),
    ],
)
async def test_the_state_of_a_failed_run_gives_the_reason_in_one_line(
    entrypoint: str, parameters: dict[str, Any], reason: str, harness: Harness
) -> None:
    run, _ = await ended(harness, entrypoint, parameters)
    assert (run.state, run.message) == (RunState.FAILED, reason)


async def test_a_traceback_begins_in_the_runs_own_code(harness: Harness) -> None:
    _, told = await ended(harness, "flows.py:fails_late")
    assert told[0].startswith("Traceback")
    assert "flows.py" in told[1]
    assert not any("child.py" in line or "/asyncio/" in line for line in told)


async def test_the_reason_is_given_when_the_output_is_not_kept(harness: Harness) -> None:
    run, told = await ended(harness, "flows.py:raises", {"text": "quietly"}, stream_output=False)
    assert (run.message, told) == ("ValueError: quietly", [])


async def test_the_reason_of_a_failed_pull_names_the_step_and_no_credentials(harness: Harness) -> None:
    step = {"step": "git_clone", "id": "code", "repository": "http://user:t0ken@127.0.0.1:9/code.git"}
    run, _ = await ended(harness, "flows.py:adds", pull=(step,))
    assert (run.state, run.message) == (RunState.FAILED, "pull step 1 (code) failed")


async def test_the_code_comes_first_on_the_path_and_working_dir_is_where_it_runs(
    harness: Harness, tmp_path: Path
) -> None:
    _, told = await ended(harness, "flows.py:place", working_dir=str(tmp_path))
    assert json.loads(told[0])[:2] == [str(tmp_path), str(harness.directory)]


async def test_an_interpreter_needs_nothing_of_ours(harness: Harness, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    _, told = await ended(harness, "flows.py:place", python=str(bare / "bin" / "python"))
    assert json.loads(told[0])[2] == str(bare)
    run, _ = await ended(harness, "flows.py:has_ours", python=str(bare / "bin" / "python"))
    assert run.message == "ModuleNotFoundError: No module named 'automations'"


async def test_what_a_run_starts_has_the_standard_streams_and_no_more(harness: Harness) -> None:
    _, told = await ended(harness, "flows.py:descriptors")
    assert told == ["4"]  # with the one that lists them

"""Runs as real subprocesses, on a real store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from integration.process_pool import Harness, SystemClock, alive, until_gone

from automations.errors import StoreUnavailableError
from automations.model.job import RunState, WorkPool
from automations.ports import StateChange
from automations.store import SqliteStore

FLOWS = '''
import asyncio, json, os, signal, subprocess, sys, time
import beside

def echo(**parameters):
    print(json.dumps(parameters))
    print("to stderr", file=sys.stderr)

def environment():
    print(json.dumps(dict(os.environ)))

def where():
    print(json.dumps([os.getcwd(), sys.executable, beside.NAME, sys.stdin.read(), __name__]))

async def asynchronous(x: int):
    await asyncio.sleep(0)
    print("async", x)

class Flow:
    """Called like a Prefect flow: an object with the function inside."""
    def __init__(self, fn):
        self.fn = fn
        self.__wrapped__ = fn
    def __call__(self, **kwargs):
        return self.fn(**kwargs)

@Flow
def wrapped(x: int = 1):
    print("wrapped", x)

def one(x: int, y: int = 2): ...

def raises():
    raise ValueError("no such order")

def exits():
    sys.exit(3)

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def waits(path=None):
    if path:
        with open(path, "w") as file:
            file.write(f"{os.getpid()}\\n")
    time.sleep(600)

def stubborn(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    waits(path)

def brood(path):
    """A child, and one in a session of its own."""
    same = subprocess.Popen(["sleep", "600"])
    away = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with open(path, "w") as file:
        file.write(f"{os.getpid()} {same.pid} {away.pid}\\n")
    time.sleep(600)

def leaves(path):
    same = subprocess.Popen(["sleep", "600"])
    away = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with open(path, "w") as file:
        file.write(f"{same.pid} {away.pid}\\n")

def lines(number):
    for n in range(number):
        print("line", n)

def text(characters):
    sys.stdout.write(characters)
    sys.stdout.buffer.flush()

def long_line():
    print("x" * 100_000)
    print("after")

def raw():
    sys.stdout.buffer.write(b"a\\0b\\n\\xff\\n\\xc3\\xa9\\r\\nend")

def peak(folder):
    """Leave a mark while running, and tell how many there were at once."""
    mine = os.path.join(folder, str(os.getpid()))
    open(mine, "w").close()
    most = 0
    for _ in range(20):
        most = max(most, len(os.listdir(folder)))
        time.sleep(0.01)
    os.remove(mine)
    print(most)
'''


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    (tmp_path / "flows.py").write_text(FLOWS)
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    store = SqliteStore.open(tmp_path / "test.db", clock=SystemClock())
    pools = [
        WorkPool("default"),
        WorkPool("narrow", concurrency_limit=2),
        WorkPool("again", on_unknown="rerun"),
        WorkPool("paused", paused=True),
        WorkPool(
            "odd", variables={"properties": {"x": {}}}, job_configuration={"timeout": "{{ x }}", "command": "true"}
        ),
    ]
    yield Harness(tmp_path, store, pools)
    await store.close()


async def test_a_run_goes_through_every_state_and_its_output_is_kept(harness: Harness) -> None:
    run = await harness.schedule("echo", parameters={"n": 4, "t": "4", "l": [1, None, True], "d": {"k": "é"}})
    async with harness.running():
        ended = await harness.until(run)
    assert (ended.state, ended.exit_code, ended.message) == (RunState.COMPLETED, 0, "")
    assert ended.started is not None
    assert ended.pid is not None
    states = [state for changed, state in harness.changes if changed == run]
    assert states == [RunState.PENDING, RunState.RUNNING, RunState.COMPLETED]
    output = dict(await harness.output(run))
    assert json.loads(output["stdout"]) == {"n": 4, "t": "4", "l": [1, None, True], "d": {"k": "é"}}
    assert output["stderr"] == "to stderr"


async def test_a_run_has_a_clean_environment(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_SECRET", "s3cret")
    run = await harness.schedule("environment", **{"env.REGION": "eu", "env.N": 4, "env": {"O": {"a": [1]}}})
    async with harness.running():
        await harness.until(run)
    ((_, line),) = await harness.output(run)
    seen = json.loads(line)
    assert {"REGION": "eu", "N": "4", "O": '{"a":[1]}'}.items() <= seen.items()
    assert (seen["AUTOMATIONS_RUN_ID"], seen["AUTOMATIONS_DEPLOYMENT"]) == (run, "flow/test")
    assert seen["AUTOMATIONS_RUN_NAME"] == f"test-{run[:8]}"
    assert seen["PATH"] == os.environ["PATH"]
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("env", "address"),
    [({}, "http://127.0.0.1:4280"), ({"AUTOMATIONS_API_URL": "https://proxy.example"}, "https://proxy.example")],
)
async def test_a_run_is_told_where_the_engine_is_unless_its_env_says_so(
    harness: Harness, env: dict[str, str], address: str
) -> None:
    run = await harness.schedule("environment", env=env)
    async with harness.running() as pool:
        pool.serve_at("http://127.0.0.1:4280")
        await harness.until(run)
    ((_, line),) = await harness.output(run)
    assert json.loads(line)["AUTOMATIONS_API_URL"] == address


async def test_a_run_starts_in_its_folder_and_imports_what_is_beside_it(harness: Harness) -> None:
    (harness.directory / "sub").mkdir()
    plain = await harness.schedule("where")
    below = await harness.schedule("where", working_dir="sub")
    async with harness.running():
        for run, folder in ((plain, ""), (below, "sub")):
            assert (await harness.until(run)).state is RunState.COMPLETED, await harness.output(run)
            ((_, line),) = await harness.output(run)
            seen = json.loads(line)
            assert Path(seen[0]) == (harness.directory / folder).resolve()
            assert seen[1:4] == [sys.executable, "beside", ""]


@pytest.mark.parametrize(
    ("function", "parameters", "said"),
    [("asynchronous", {"x": 2}, "async 2"), ("wrapped", {"x": 3}, "wrapped 3"), ("wrapped", {}, "wrapped 1")],
)
async def test_functions_may_be_plain_async_or_wrapped(
    function: str, parameters: dict[str, Any], said: str, harness: Harness
) -> None:
    run = await harness.schedule(function, parameters=parameters)
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
    assert await harness.output(run) == [("stdout", said)]


async def test_a_command_goes_through_the_shell_and_reads_the_parameters(harness: Harness) -> None:
    run = await harness.schedule(
        command='cat; echo; echo "$REGION" | tr a-z A-Z', parameters={"a": 1}, env={"REGION": "eu"}
    )
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
    assert [text for _, text in await harness.output(run)] == ['{"a":1}', "EU"]


@pytest.mark.parametrize(
    ("function", "parameters", "said"),
    [
        ("one", {}, "missing a required argument: 'x'"),
        ("one", {"x": 1, "z": 2}, "got an unexpected keyword argument 'z'"),
        ("raises", {}, "ValueError: no such order"),
    ],
)
async def test_a_failure_says_why_on_stderr(
    function: str, parameters: dict[str, Any], said: str, harness: Harness
) -> None:
    run = await harness.schedule(function, parameters=parameters)
    async with harness.running():
        ended = await harness.until(run)
    assert (ended.state, ended.exit_code) == (RunState.FAILED, 1)
    output = await harness.output(run)
    assert said in output[-1][1]
    assert all(stream == "stderr" and "child.py" not in text for stream, text in output)


async def test_the_exit_code_of_a_run_is_kept(harness: Harness) -> None:
    by_function, by_command = await harness.schedule("exits"), await harness.schedule(command="exit 4")
    async with harness.running():
        first, second = await harness.until(by_function), await harness.until(by_command)
    assert (first.state, first.exit_code, first.message) == (RunState.FAILED, 3, "exit code 3")
    assert (second.state, second.exit_code) == (RunState.FAILED, 4)


async def test_a_run_that_is_killed_from_outside_has_crashed(harness: Harness) -> None:
    run = await harness.schedule("killed")
    async with harness.running():
        ended = await harness.until(run)
    assert (ended.state, ended.message) == (RunState.CRASHED, "ended by SIGKILL")


async def test_what_cannot_be_started_has_crashed_with_the_reason(harness: Harness) -> None:
    python = await harness.schedule("echo", python="/no/such/python")
    folder = await harness.schedule("echo", working_dir="/no/such/folder")
    large = await harness.schedule("echo", env={f"N{n}": "x" * 100_000 for n in range(60)})
    odd = await harness.schedule(pool="odd", x="soon")
    async with harness.running():
        for run, said in (
            (python, "/no/such/python"),
            (folder, "/no/such/folder"),
            (large, "too long"),
            (odd, "timeout"),
        ):
            ended = await harness.until(run)
            assert ended.state is RunState.CRASHED
            assert "could not be started" in ended.message
            assert said in ended.message


# --- output ----------------------------------------------------------------------------------------------------


async def test_output_beyond_the_limit_is_dropped_with_a_word(harness: Harness) -> None:
    run = await harness.schedule("lines", parameters={"number": 30_000})
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
    output = await harness.output(run)
    assert len(output) == 10_001
    assert output[9_999] == ("stdout", "line 9999")
    assert output[-1][0] == "engine"
    assert "dropped" in output[-1][1]


async def test_a_long_line_is_cut_with_a_mark_and_the_next_one_kept(harness: Harness) -> None:
    run = await harness.schedule("long_line")
    async with harness.running():
        await harness.until(run)
    (_, first), (_, second) = await harness.output(run)
    assert first.startswith("x" * 8192)
    assert first[8192:]
    assert len(first) < 8300
    assert second == "after"


async def test_bytes_that_are_no_text_are_shown_as_such(harness: Harness) -> None:
    run = await harness.schedule("raw")
    async with harness.running():
        await harness.until(run)
    assert [text for _, text in await harness.output(run)] == ["a\ufffdb", "\ufffd", "é", "end"]


async def test_output_that_is_not_wanted_is_not_kept(harness: Harness) -> None:
    run = await harness.schedule("echo", stream_output=False)
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
    assert await harness.output(run) == []


# --- ends ------------------------------------------------------------------------------------------------------


async def test_a_run_beyond_its_timeout_has_failed(harness: Harness) -> None:
    run = await harness.schedule("waits", timeout=0.3)
    async with harness.running():
        ended = await harness.until(run)
    assert (ended.state, ended.message) == (RunState.FAILED, "timed out after 300ms")


async def test_a_cancelled_run_ends_with_all_that_it_started(harness: Harness, tmp_path: Path) -> None:
    run = await harness.schedule("brood", parameters={"path": str(tmp_path / "pids")})
    async with harness.running() as pool:
        pids = [int(pid) for pid in (await harness.until_written(tmp_path / "pids")).split()]
        await harness.until(run, RunState.RUNNING)
        pool.cancel(run)
        ended = await harness.until(run)
        assert (ended.state, ended.message) == (RunState.CANCELLED, "cancelled")
        for pid in pids:
            await until_gone(pid)


async def test_a_run_that_does_not_listen_is_killed(harness: Harness, tmp_path: Path) -> None:
    run = await harness.schedule("stubborn", parameters={"path": str(tmp_path / "pid")})
    async with harness.running(kill_after=0.2) as pool:
        pid = int(await harness.until_written(tmp_path / "pid"))
        pool.cancel(run)
        assert (await harness.until(run)).state is RunState.CANCELLED
        await until_gone(pid)


async def test_what_a_run_leaves_behind_ends_with_it(harness: Harness, tmp_path: Path) -> None:
    run = await harness.schedule("leaves", parameters={"path": str(tmp_path / "pids")})
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
        for pid in (await harness.until_written(tmp_path / "pids")).split():
            await until_gone(int(pid))


async def test_cancelling_what_is_not_running_here_does_nothing(harness: Harness) -> None:
    async with harness.running() as pool:
        pool.cancel("f" * 32)


async def test_runs_keep_to_the_limits_of_their_pool_and_of_the_engine(harness: Harness, tmp_path: Path) -> None:
    folders = {"narrow": tmp_path / "narrow", "default": tmp_path / "wide"}
    runs: list[tuple[str, str]] = []
    for pool, folder in folders.items():
        folder.mkdir()
        runs += [
            (pool, await harness.schedule("peak", pool=pool, parameters={"folder": str(folder)})) for _ in range(5)
        ]
    async with harness.running(limit=3):
        most = dict.fromkeys(folders, 0)
        for pool, run in runs:
            assert (await harness.until(run)).state is RunState.COMPLETED
            most[pool] = max(most[pool], int((await harness.output(run))[0][1]))
    assert most["narrow"] <= 2
    assert most["default"] <= 3


async def test_a_paused_pool_starts_nothing(harness: Harness) -> None:
    held, free = await harness.schedule("echo", pool="paused"), await harness.schedule("echo")
    async with harness.running():
        await harness.until(free)
    assert (await harness.store.reads.run(held)).state is RunState.SCHEDULED


async def test_a_pool_that_is_paused_while_its_claim_waits_for_its_turn_starts_nothing(harness: Harness) -> None:
    held, pool = await harness.schedule("echo"), harness.pool()
    pause = {("work-pool", "default"): True}
    await asyncio.gather(harness.store.write(lambda _tx: harness.jobs.set_pauses(pause)), pool._claim())
    assert (await harness.store.reads.run(held)).state is RunState.SCHEDULED


# --- the engine's own end --------------------------------------------------------------------------------------


async def test_a_stop_waits_for_runs_and_then_ends_them(harness: Harness, tmp_path: Path) -> None:
    stubborn = await harness.schedule("stubborn", parameters={"path": str(tmp_path / "pid")})
    async with harness.running(limit=1) as pool:
        pid = int(await harness.until_written(tmp_path / "pid"))
        waiting = await harness.schedule("echo")
        await pool.stop(0.1)
        ended = await harness.store.reads.run(stubborn)
        assert (ended.state, ended.message) == (RunState.CRASHED, "the engine stopped")
        await until_gone(pid)
    assert (await harness.store.reads.run(waiting)).state is RunState.SCHEDULED


async def test_a_run_that_ends_in_time_is_not_disturbed_by_a_stop(harness: Harness, tmp_path: Path) -> None:
    run = await harness.schedule(command=f"echo started > {tmp_path}/mark; sleep 0.3")
    async with harness.running() as pool:
        await harness.until_written(tmp_path / "mark")
        await pool.stop(20)
        assert (await harness.store.reads.run(run)).state is RunState.COMPLETED


async def test_runs_whose_fate_is_unknown_crash_or_run_again(harness: Harness) -> None:
    starting, running = await harness.schedule("echo"), await harness.schedule("echo")
    again = await harness.schedule("echo", pool="again")
    cancelled = await harness.schedule("echo", pool="again")
    now = harness.clock.now()
    await harness.store.write(lambda tx: (tx.claim_runs("default", now, 9), tx.claim_runs("again", now, 9)))
    await harness.store.write(lambda tx: tx.set_run_state(running, RunState.RUNNING, now, pid=1))
    await harness.store.write(lambda tx: tx.request_cancel(cancelled))
    async with harness.running():
        for run in (starting, running):
            ended = await harness.until(run)
            assert (ended.state, ended.message) == (RunState.CRASHED, "unknown: the engine stopped while it ran")
        assert (await harness.until(again)).state is RunState.COMPLETED
        assert (await harness.until(cancelled)).state is RunState.CANCELLED
    assert await harness.output(cancelled) == []


async def test_a_run_is_recorded_as_ended_once_the_store_can(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full while a run ends: the end is recorded when there is space again."""
    refused: list[RunState] = []
    record = harness.record

    async def failing(change: StateChange) -> Any:
        if len(refused) < 1 and harness.changes and harness.changes[-1][1] is RunState.RUNNING:
            refused.append(RunState.COMPLETED)
            raise StoreUnavailableError("disk full")
        return await record(change)

    monkeypatch.setattr(harness, "record", failing)
    run = await harness.schedule("echo")
    async with harness.running():
        assert (await harness.until(run)).state is RunState.COMPLETED
    assert refused


ENGINE = """
import asyncio, sys
from pathlib import Path
from integration.process_pool import Harness, SystemClock
from automations.model.job import WorkPool
from automations.store import SqliteStore

async def main(directory):
    store = SqliteStore.open(directory / "engine.db", clock=SystemClock())
    harness = Harness(directory, store, [WorkPool("default")])
    await harness.schedule("brood", parameters={"path": str(directory / "call")})
    await harness.schedule(command=f"sleep 600 & echo $$ $! > {directory}/shell; wait")
    await harness.pool().run()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_children_die_with_an_engine_that_is_killed(harness: Harness, tmp_path: Path) -> None:
    tests = Path(__file__).parent.parent
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENGINE, str(tmp_path), env={**os.environ, "PYTHONPATH": str(tests)}
    )
    call = await harness.until_written(tmp_path / "call")
    shell = await harness.until_written(tmp_path / "shell")
    pids = [int(pid) for pid in f"{call} {shell}".split()]
    assert all(alive(pid) for pid in pids)
    engine.send_signal(signal.SIGKILL)
    await engine.wait()
    for pid in pids:
        await until_gone(pid)

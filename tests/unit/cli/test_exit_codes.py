from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import pytest
from running import AUTOMATIONS, Engine, clean_environment
from unit.cli.samples import Command, ScriptedServer


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 0),
        (["ls"], 0),
        (["inspect", "nobody"], 1),
        (["run", "inspect", "nobody-knows"], 1),
        (["deployment", "run", "repair/orders", "-jv", "MY_VAR=42"], 1),
        (["emit", "order.created"], 1),
        ([], 2),
        (["inspect"], 2),
        (["ls", "--nope"], 2),
        (["run", "ls", "--state", "Sleeping"], 2),
        (["emit", "order.created", "-r", "no-equals-sign"], 2),
        (["emit", "order.created", "-r", "id=1", "-d", "{"], 2),
        (["emit", "order.created", "-r", "id=1", "-d", '{"a": 1, "a": 2}'], 2),
        (["emit", "-", "-r", "id=1"], 2),
        (["deployment", "run", "repair/orders", "-jv", "no-equals-sign"], 2),
        (["serve", "--port", "99999"], 2),
    ],
)
def test_exit_codes(ask: Command, arguments: list[str], code: int) -> None:
    result = ask(*arguments)
    assert result.code == code, result
    if code:
        assert result.out == ""
        assert result.err


@pytest.mark.parametrize(
    "arguments", [["status"], ["ls"], ["run", "logs", "x"], ["deployment", "run", "a/b"], ["events", "ls"]]
)
def test_no_engine_is_exit_code_3_and_the_message_ends_with_the_mend(
    command: Command, arguments: list[str]
) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    result = command(*arguments, AUTOMATIONS_API_URL=url)
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        f"error: [unreachable] no engine answers at {url} (Connection refused); "
        "is the engine running? start it with 'automations serve' or set AUTOMATIONS_API_URL\n"
    )


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://[bad", "http://host:99999", "http://h/?a=b"])
def test_an_address_that_cannot_be_one_is_a_usage_error(command: Command, url: str) -> None:
    result = command("status", AUTOMATIONS_API_URL=url)
    assert result.code == 2
    assert "write http://HOST:PORT" in result.err


def take_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_while_stdin_is_open_is_exit_code_130_and_says_how_far_it_came(engine: Engine) -> None:
    with subprocess.Popen(
        [*AUTOMATIONS, "emit", "-"],
        env=clean_environment(AUTOMATIONS_API_URL=engine.url),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=take_interrupts,  # noqa: PLW1509 - runs no thread, takes no lock
    ) as sender:
        assert sender.stdin is not None
        assert sender.stderr is not None
        sender.stdin.write('{"event": "slow.producer", "resource": {"id": "1"}}\n')
        sender.stdin.flush()
        engine.until(lambda: engine.get("/api/events?name=slow.producer")["items"])
        time.sleep(0.5)  # stored; now the sender has its answer, too, and waits for the next line
        sender.send_signal(signal.SIGINT)
        assert sender.wait(10) == 130
        assert "1 accepted, 0 duplicates, 0 refused, up to line 1" in sender.stderr.read()


def test_output_that_nobody_reads_to_its_end_is_no_traceback(engine: Engine) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed:
        done = subprocess.run(
            [*AUTOMATIONS, "ls", "--json"],
            env=clean_environment(AUTOMATIONS_API_URL=engine.url),
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_key_that_is_missing_is_told_with_the_variable_to_set(command: Command, server: ScriptedServer) -> None:
    server.answer = lambda _request: (401, {"code": "unauthorized", "detail": "an API key is needed"})
    result = command("status", AUTOMATIONS_API_URL=server.url)
    assert result.code == 1
    assert "[unauthorized] an API key is needed; set AUTOMATIONS_API_KEY" in result.err


def test_the_key_travels_as_a_bearer_token_and_is_not_taken_elsewhere(
    command: Command, server: ScriptedServer
) -> None:
    server.headers = {"Location": "http://127.0.0.1:9/elsewhere"}
    server.answer = lambda _request: (307, {})
    result = command("status", AUTOMATIONS_API_URL=server.url, AUTOMATIONS_API_KEY="am_1_x\n")
    assert result.code == 1
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer am_1_x"]


def test_a_server_that_is_no_engine_is_told_as_such(command: Command, server: ScriptedServer) -> None:
    server.answer = lambda _request: (200, b"<html>")
    result = command("status", AUTOMATIONS_API_URL=server.url)
    assert result.code == 1
    assert "which no engine does; check AUTOMATIONS_API_URL" in result.err

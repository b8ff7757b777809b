"""What `.deploy()` sends and what it makes of the answer, by a real server that records requests."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, assert_type

import pytest

from automations import GitRepository, flow
from automations.errors import AutomationsError, DeployErrors
from automations.flows import Deployable

FLOWS = "from automations import flow\n\n@flow(name='Daily report')\ndef report(day='today'): ...\n"


class Recorder(ThreadingHTTPServer):
    """Answers each PUT with `status` and `answer`, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.status, self.answer = 201, b'{"name": "Daily report/nightly", "changed": [], "created": true}'
        self.path, self.key, self.document = "", None, {}

    path: str
    key: str | None
    document: dict[str, Any]


class _Request(BaseHTTPRequestHandler):
    server: Recorder

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.path, self.server.key = self.path, self.headers["Authorization"]
        self.server.document = json.loads(body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output to what the tests say."""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with Recorder() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        monkeypatch.setenv("AUTOMATIONS_API_URL", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.delenv("AUTOMATIONS_API_KEY", raising=False)
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def report(tmp_path: Path) -> Deployable:
    (tmp_path / "flows.py").write_text(FLOWS)
    return flow.from_source(tmp_path, "flows.py:report")


def test_everything_given_is_sent_under_the_keys_of_a_deployment_file(
    recorder: Recorder, report: Deployable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMATIONS_API_KEY", "a-key")
    trigger = {"expect": ["order.paid"]}
    name = report.deploy(
        name="nightly",
        work_pool_name="machines",
        work_queue_name="fast",
        job_variables={"env": {"REGION": "eu"}},
        parameters={"day": "monday"},
        description="What was sold.",
        tags=["shop"],
        version="3",
        cron="0 4 * * *",
        timezone="Europe/Berlin",
        schedules=[{"interval": 60}],
        triggers=[trigger],
        job_variable_policy={"image": {"any": True}},
    )
    assert (name, recorder.path, recorder.key) == (
        "Daily report/nightly",
        "/api/deployments/Daily%20report/nightly",
        "Bearer a-key",
    )
    pool = {"name": "machines", "work_queue_name": "fast", "job_variables": {"env": {"REGION": "eu"}}}
    assert recorder.document == {
        "entrypoint": "flows.py:report",
        "directory": str(tmp_path),
        "description": "What was sold.",
        "tags": ["shop"],
        "version": "3",
        "parameters": {"day": "monday"},
        "work_pool": pool,
        "schedules": [{"cron": "0 4 * * *", "timezone": "Europe/Berlin"}, {"interval": 60}],
        "triggers": [trigger],
        "job_variable_policy": {"image": {"any": True}},
        "paused": False,
        "location": "flows.py:report.deploy()",
    }


def test_code_of_a_repository_is_sent_as_a_pull_step_and_no_directory(recorder: Recorder) -> None:
    repository = GitRepository(url="https://git.example/shop.git", branch="main", access_token={"env": "TOKEN"})
    Deployable("report", "flows.py:report", pull=(repository.pull_step(),)).deploy("nightly")
    step = {"repository": repository.url, "branch": "main", "access_token": {"env": "TOKEN"}}
    assert recorder.document["pull"] == [{"git_clone": step}]
    assert "directory" not in recorder.document


async def test_it_deploys_from_inside_a_running_event_loop(recorder: Recorder, report: Deployable) -> None:
    assert report.deploy("nightly") == "Daily report/nightly"
    assert recorder.key is None
    assert await asyncio.to_thread(report.deploy, "weekly") == "Daily report/weekly"


def test_a_problem_document_is_raised_with_its_code_and_hint(recorder: Recorder, report: Deployable) -> None:
    problem = {"code": "forbidden", "detail": "the key may not deploy", "hint": "use one with the scope admin"}
    recorder.status, recorder.answer = 403, json.dumps(problem).encode()
    with pytest.raises(AutomationsError, match="the key may not deploy") as caught:
        report.deploy("nightly")
    assert (caught.value.code, caught.value.hint) == ("forbidden", "use one with the scope admin")


def test_a_list_of_errors_is_raised_whole(recorder: Recorder, report: Deployable) -> None:
    recorder.status, recorder.answer = 422, json.dumps({"errors": ["[a] first", "[b] second"]}).encode()
    with pytest.raises(DeployErrors) as caught:
        report.deploy("nightly")
    assert list(caught.value.errors) == ["[a] first", "[b] second"]


def test_an_answer_that_is_no_problem_document_is_told_by_its_status(
    recorder: Recorder, report: Deployable
) -> None:
    recorder.status, recorder.answer = 502, b"<html>Bad Gateway</html>"
    with pytest.raises(AutomationsError, match="HTTP 502"):
        report.deploy("nightly")


def test_a_decorated_function_keeps_its_types() -> None:
    @flow
    def price(amount: int, currency: str = "EUR") -> float:
        return amount * (1.0 if currency == "EUR" else 1.1)

    @flow(name="Slow price")
    async def later(amount: int) -> float:
        return float(amount)

    assert_type(price(1), float)
    waiting = assert_type(later(2), Coroutine[Any, Any, float])
    assert asyncio.run(waiting) == 2.0


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'"text"', b""])
def test_an_answer_that_is_no_engines_is_told(
    status: int, answer: bytes, recorder: Recorder, report: Deployable
) -> None:
    recorder.status, recorder.answer = status, answer
    with pytest.raises(AutomationsError, match=f"HTTP {status}"):
        report.deploy("nightly")


@pytest.mark.parametrize("value", [{1, 2}, "\ud800", {1: 2}])
def test_what_is_no_json_is_refused_before_it_is_sent(value: Any, recorder: Recorder, report: Deployable) -> None:
    with pytest.raises(AutomationsError, match="cannot be written as JSON"):
        report.deploy("nightly", parameters={"x": value})
    assert recorder.path == ""


def test_no_proxy_of_the_environment_sees_the_key(
    recorder: Recorder, report: Deployable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: the standard library reads the proxies once."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    script = f"from automations.flows import Deployable; Deployable({report.flow_name!r}, 'f.py:f').deploy('a')"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert recorder.path == "/api/deployments/Daily%20report/a"


def test_the_flows_name_is_read_at_the_commit_that_runs_will_fetch(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    for name in ("Daily report", "Another name"):
        (tmp_path / "flows.py").write_text(FLOWS.replace("Daily report", name))
        git("add", ".")
        git("commit", "-qm", name)
    repository = GitRepository(url=f"file://{tmp_path}", commit_sha=git("rev-parse", "HEAD~1"))
    assert flow.from_source(repository, "flows.py:report").flow_name == "Daily report"


def test_a_single_schedule_goes_with_the_others(recorder: Recorder, report: Deployable) -> None:
    report.deploy("nightly", schedule={"interval": 60}, schedules=[{"cron": "0 4 * * *"}])
    assert recorder.document["schedules"] == [{"interval": 60}, {"cron": "0 4 * * *"}]


def test_a_method_that_is_a_flow_is_given_its_instance() -> None:
    class Shop:
        name = "shop"

        @flow
        def says(self, word: str) -> str:
            return f"{self.name} {word}"

    assert Shop().says("open") == "shop open"

"""A real Prefect server, and workers beside it, in an environment of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

BIN = Path(__file__).parents[2] / ".venv-prefect" / "bin"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class PrefectServer:
    """Keeps its database below `home`, so that it can be ended and started again with what it knows."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.headers = {"content-type": "application/json"}
        self.process: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        home.mkdir(parents=True, exist_ok=True)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        own = {
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "NO_COLOR": "1",
        }
        return {**kept, **own, **more}

    def start(self) -> None:
        command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = self._spawn(command, "server.log", PREFECT_API_URL="")
        self.until(lambda: self.get("/health") is True, 90)

    def start_worker(self, pool: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [BIN / "prefect", "worker", "start", "-p", pool, "--type", "process"]
        worker = self._spawn(command, f"worker-{pool}.log", PREFECT_WORKER_QUERY_SECONDS="1", **environment)
        self.workers.append(worker)
        return worker

    def _spawn(self, command: list[Any], log: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.home / log).open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.home,
                env=self.environment(**environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the server as a crash does."""
        assert self.process is not None
        _end(self.process, signal.SIGKILL)

    def stop(self) -> None:
        for process in [*self.workers, *filter(None, [self.process])]:
            _end(process, signal.SIGTERM)
        self.workers.clear()

    def command(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run the server's own `prefect` command."""
        return subprocess.run(
            [BIN / "prefect", *arguments],
            cwd=cwd or self.home,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    # --- REST ----------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask until it can answer: on SQLite, what changes something collides with the server's own work."""
        for _ in range(100):
            status, answer = self._request(method, path, body)
            if status != 503:
                break
            time.sleep(0.1)
        return status, answer

    def _request(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                raw, status = response.read(), response.status
        except urllib.error.HTTPError as error:
            with error:
                raw, status = error.read(), error.code
        return status, orjson.loads(raw) if raw else None

    def get(self, path: str) -> Any:
        status, answer = self.request("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path: str, body: Any) -> Any:
        status, answer = self.request("POST", path, body)
        assert 200 <= status < 300, answer
        return answer

    def deployment(self, flow: str, name: str, pool: str | None, **more: Any) -> str:
        """Create a deployment (and its flow, and a work pool of the type process); return its id."""
        if pool is not None:
            self.work_pool(pool)
        flow_id = self.post("/flows/", {"name": flow})["id"]
        body = {"name": name, "flow_id": flow_id, "work_pool_name": pool, "entrypoint": f"flows.py:{flow}", **more}
        identity: str = self.post("/deployments/", body)["id"]
        return identity

    def work_pool(self, name: str, template: Any = None) -> None:
        if self.request("GET", f"/work_pools/{name}")[0] == 404:
            given = {} if template is None else {"base_job_template": template}
            self.post("/work_pools/", {"name": name, "type": "process", **given})

    def runs(self, deployment: str) -> list[Any]:
        """The flow runs of a deployment, by its id; the first 200."""
        found: list[Any] = self.post(
            "/flow_runs/filter", {"deployments": {"id": {"any_": [deployment]}}, "limit": 200}
        )
        return found

    def events(self, prefix: str) -> list[Any]:
        """All events that it has stored whose name begins so."""
        query = {"filter": {"event": {"prefix": [prefix]}, "order": "ASC"}, "limit": 50}
        page = self.post("/events/filter", query)
        found: list[Any] = page["events"]
        while page["next_page"]:
            page = self.get(page["next_page"].removeprefix(self.url))
            found += page["events"]
        return found

    def until(self, ready: Callable[[], Any], seconds: float = 60) -> Any:
        deadline, last = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                if last := ready():
                    return last
            except (OSError, AssertionError) as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"it did not come to pass: {last}; {self.tail()}")

    def tail(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in self.home.glob("*.log"))


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a process and all that it started: it leads a session of its own."""
    try:
        os.killpg(process.pid, how)
        process.wait(15)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)

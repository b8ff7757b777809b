"""A real engine in a process of its own, on a project in a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

AUTOMATIONS = [sys.executable, "-m", "automations"]


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOMATIONS_")}
    return {**kept, **more}


class Engine:
    def __init__(self, project: Path, *flags: str, **environment: str) -> None:
        self.project, self.flags, self.environment = project, flags, environment
        self.log: list[dict[str, Any]] = []
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*AUTOMATIONS, "serve", "-C", str(self.project), "--port", "0", *self.flags],
            env=clean_environment(AUTOMATIONS_LOG_FORMAT="json", **self.environment),
            stderr=subprocess.PIPE,
            text=True,
        )
        started = threading.Event()
        self.url = ""
        threading.Thread(target=self._read, args=(self.process, started), daemon=True).start()
        assert started.wait(30), self.log
        assert self.url, self.log
        self.until(lambda: self.get("/readyz"))

    def _read(self, process: subprocess.Popen[str], started: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                entry = json.loads(line) if line.startswith("{") else {"text": line}
                self.log.append(entry)
                if entry.get("event") == "engine_started":
                    self.url = entry["url"]
                    started.set()
        started.set()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        for name, value in {"content-type": "application/json", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                raw, status = response.read(), response.status
        except urllib.error.HTTPError as error:
            with error:
                raw, status = error.read(), error.code
        return status, json.loads(raw) if raw else None

    def get(self, path: str) -> Any:
        status, answer = self.request("GET", path)
        assert status == 200, answer
        return answer

    def send(self, *events: dict[str, Any]) -> Any:
        status, answer = self.request("POST", "/api/events", list(events))
        assert status == 202, answer
        return answer

    def until(self, ready: Callable[[], Any], seconds: float = 20) -> Any:
        deadline, last = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                if last := ready():
                    return last
            except (OSError, AssertionError, StopIteration) as error:
                last = error
            time.sleep(0.05)
        raise AssertionError(f"it did not come to pass: {last}; {self.log[-5:]}")

    def runs(self, number: int, state: str = "Completed") -> list[dict[str, Any]]:
        def ended() -> Any:
            items = self.get(f"/api/runs?state={state}")["items"]
            return items if len(items) >= number else None

        found: list[dict[str, Any]] = self.until(ended)
        assert len(found) == number
        return found

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AUTOMATIONS, *arguments],
            env=clean_environment(AUTOMATIONS_API_URL=self.url),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def event(identity: str, name: str = "order.created", **labels: str) -> dict[str, Any]:
    return {"id": identity, "event": name, "resource": {"id": f"order.{identity}", **labels}, "payload": {"n": 1}}

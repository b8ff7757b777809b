from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from automations.logs import redact

SCRIPT = """
import logging, sys, structlog
from automations.logs import configure_logs
configure_logs(sys.argv[1], sys.argv[2])
log = structlog.get_logger()
log.debug("detail_seen")
log.info("request_served", path="/x\\n", headers={"Authorization": "Bearer s3cret"})
logging.getLogger("uvicorn.error").info("Started server process")
logging.getLogger("uvicorn.error").error("it broke")
try:
    password = "s3cret-local"
    raise ValueError("why")
except ValueError:
    log.error("run_failed", exc_info=True)
"""


def logged(level: str = "info", style: str = "auto") -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT, level, style], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "s3cret" not in done.stderr
    return done.stderr


def test_off_a_terminal_each_line_is_json_and_libraries_go_the_same_way() -> None:
    entries = [json.loads(line) for line in logged().splitlines()]
    assert [entry["event"] for entry in entries] == ["request_served", "it broke", "run_failed"]
    assert [entry["level"] for entry in entries] == ["info", "error", "error"]
    assert all(entry["timestamp"].endswith("Z") for entry in entries)
    assert entries[1]["logger"] == "uvicorn.error"
    assert entries[2]["exception"].endswith("ValueError: why")


def test_debug_shows_everything() -> None:
    events = [json.loads(line)["event"] for line in logged("debug").splitlines()]
    assert "detail_seen" in events
    assert "Started server process" in events


def test_the_console_has_no_colour_off_a_terminal_and_no_line_is_forged() -> None:
    shown = logged(style="console")
    assert "\x1b[" not in shown
    assert "'/x\\n'" in shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"token": "s"}, {"token": "***"}),
        ({"Authorization": "s", "url": "u"}, {"Authorization": "***", "url": "u"}),
        ({"api-key": "s", "passwords": ["s"]}, {"api-key": "***", "passwords": "***"}),
        ({"hook_token": "s"}, {"hook_token": "***"}),
        ({"headers": {"Cookie": "s", "accept": "a"}}, {"headers": {"Cookie": "***", "accept": "a"}}),
        ({"sinks": [{"client_secret": "s"}]}, {"sinks": [{"client_secret": "***"}]}),
        ({"tokens_used": 3, "secretary": "x"}, {"tokens_used": 3, "secretary": "x"}),
    ],
)  # fmt: skip
def test_secrets_are_shown_as_stars_however_deep(given: dict[str, Any], shown: dict[str, Any]) -> None:
    assert redact(None, "info", given) == shown

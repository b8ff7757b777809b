"""Every file and every command of docs/job-variables.md, in the order in which they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from running import Engine, clean_environment
from unit.docs.blocks import Block, sections

GUIDE = Path(__file__).parents[2] / "docs" / "job-variables.md"
WATCHED = ("rules/", "deployments.yaml")
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_RUN = re.compile(r"[0-9a-f]{32}")


class Reader:
    """Follows the guide on a running engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, block: Block) -> None:
        """Write a file; one that the engine watches is taken up before the next command."""
        path = self.engine.project / block.kind
        path.parent.mkdir(parents=True, exist_ok=True)
        loaded = self._reloads()
        path.write_text(block.text)
        if block.kind.startswith(WATCHED):
            self.engine.until(lambda: self._reloads() > loaded)

    def _reloads(self) -> int:
        return sum(entry.get("event") == "rules_loaded" for entry in self.engine.log)

    def session(self, block: Block) -> str:
        said = (f"$ {command}\n{self.run(command)}" for command, _ in _COMMAND.findall(block.text))
        return "".join(said)

    def run(self, command: str) -> str:
        if command.startswith("curl"):
            return self._call(command)
        binaries = str(Path(sys.executable).parent)
        environment = clean_environment(
            AUTOMATIONS_API_URL=self.engine.url,
            PATH=f"{binaries}:{os.environ['PATH']}",
            RUN_OF_THE_RULE=self.run_of_the_rule() if "RUN_OF_THE_RULE" in command else "",
        )
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.engine.project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout or (done.stderr if done.returncode or "create" in command else "")

    def _call(self, command: str) -> str:
        _, _, url, _, body = shlex.split(command)
        status, answer = self.engine.request("POST", url.removeprefix("http://127.0.0.1:4280"), json.loads(body))
        assert status in (200, 201)
        return _RUN.sub("RUN", json.dumps(answer, separators=(",", ":"))) + "\n"

    def run_of_the_rule(self) -> str:
        def found() -> Iterator[str]:
            runs = self.engine.get("/api/runs?state=Completed")["items"]
            return (run["id"] for run in runs if run["automation"] == "report-large-orders")

        identity: str = self.engine.until(lambda: next(found()))
        return identity


def test_the_guide_is_what_happens(start: Callable[..., Engine], project: Path) -> None:
    for name in ("deployments.yaml", "rules", "sources.yaml"):
        path = project / name
        path.unlink() if path.is_file() else [file.unlink() for file in path.glob("*")]
    blocks = [block for section in sections(GUIDE) for block in section.blocks]
    (project / "deployments.yaml").write_text("")
    reader = Reader(start())
    for block in blocks:
        if block.kind:
            reader.write(block)
        elif block.language == "console":
            assert reader.session(block) == block.text, f"line {block.line}"

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import AUTOMATIONS, Engine, clean_environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    subprocess.run([*AUTOMATIONS, "init", str(folder)], check=True, capture_output=True, env=clean_environment())
    (folder / "automations.toml").write_text("")
    return folder


@pytest.fixture
def start(project: Path) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def begin(*flags: str, **environment: str) -> Engine:
        engines.append(Engine(project, *flags, **environment))
        return engines[-1]

    yield begin
    for engine in engines:
        if engine.process.poll() is None:
            engine.kill()

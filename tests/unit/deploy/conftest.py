from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

FLOWS = """
from prefect import flow
import nowhere

@flow(name="Repair orders", log_prints=True)
def repair(order: str, attempts: int = 3): ...

@flow
async def nightly_report(): ...

def plain_function(**options): ...

if True:
    def guarded(): ...

assigned = flow(plain_function)
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a deployment file beside some flows."""
    (tmp_path / "flows.py").write_text(FLOWS)
    (tmp_path / "broken.py").write_text("def f(:\n")

    def file(text: str) -> Path:
        path = tmp_path / "deployments.yaml"
        path.write_text(dedent(text))
        return path

    return file

"""Commands run as `main` runs them, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest
from unit.docs.project import Shell

from automations.cli import main


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    for name in list(os.environ):
        if name.startswith("AUTOMATIONS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GITHUB_HOOK_TOKEN", "not-a-secret")

    def run(arguments: Sequence[str]) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["automations", *arguments])
            with pytest.raises(SystemExit):
                main()
        said = capsys.readouterr()
        return said.out + said.err

    return run

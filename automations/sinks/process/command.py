"""From a run's job to a process: arguments, environment, folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from automations.model.job import RunSpec

_CHILD: Final = str(Path(__file__).with_name("child.py"))
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Command:
    """An argument list (never a shell, unless the author wrote `command`), with everything it runs in."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str
    stdin: bytes
    timeout: float | None
    stream_output: bool


def command_of(spec: RunSpec) -> Command:
    """Settle how a run is started; `timeout` is in seconds."""
    job = spec.job
    directory = str(Path(spec.directory).resolve())
    shell = job.get("command")
    file, _, function = spec.entrypoint.partition(":")
    work = ("shell", shell) if shell else ("call", file, function, directory)
    timeout = job.get("timeout")
    return Command(
        arguments=(job.get("python") or sys.executable, "-u", _CHILD, str(os.getpid()), *work),
        environment=_environment(spec),
        working_dir=os.path.join(directory, job.get("working_dir") or ""),  # noqa: PTH118  keeps an absolute one
        stdin=orjson.dumps(spec.parameters),
        timeout=float(timeout) if timeout else None,
        stream_output=job.get("stream_output", True),
    )


def _environment(spec: RunSpec) -> dict[str, str]:
    """A clean one: nothing of the engine's own settings or secrets reaches a run unless its author names it."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        "AUTOMATIONS_RUN_ID": spec.id,
        "AUTOMATIONS_RUN_NAME": spec.name,
        "AUTOMATIONS_DEPLOYMENT": spec.deployment,
        **spec.job.get("env", {}),
    }

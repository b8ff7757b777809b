"""From a run to the process that carries it out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from automations.errors import AutomationsError
from automations.model.document import JsonObject
from automations.model.job import RunSpec
from automations.model.moment import parse_duration
from automations.model.secret import SecretReference

ReadSecret = Callable[[SecretReference], str]
"""Returns the secret; AutomationsError where it is not set."""

_CHILD: Final = Path(__file__).with_name("child.py")
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""All that a run has of the engine's own environment: no secret of the engine is among them."""


@dataclass(frozen=True, slots=True)
class Launch:
    """`input` is the parameters as JSON; `timeout` is in microseconds, None for none."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    input: bytes
    timeout: int | None
    keep_output: bool


def launch_of(spec: RunSpec, folder: Path, api_url: str | None, read_secret: ReadSecret) -> Launch:
    """Settle arguments, environment and folder. `folder` is the deployment's, or the one into which a run with
    pull steps fetches. AutomationsError `cannot-start` says what cannot be.
    """
    job = spec.job
    directory = folder / (_setting(job, "working_dir", str) or ".")
    if not directory.is_dir():
        raise AutomationsError(f"the working_dir {directory} is no folder", code="cannot-start")
    timeout = _setting(job, "timeout", int | float)
    return Launch(
        arguments=(_interpreter(spec, folder), str(_CHILD), str(os.getpid()), *_target(spec, folder)),
        environment={**_environment(spec, api_url), **_pull(spec, read_secret)},
        directory=str(directory),
        input=orjson.dumps(spec.parameters),
        timeout=None if timeout is None else parse_duration(timeout),
        keep_output=_setting(job, "stream_output", bool) is not False,
    )


def _setting(job: JsonObject, name: str, kind: Any) -> Any:
    """A pool's `job_configuration` is its author's: what it makes of a setting is checked here."""
    value = job.get(name)
    if value is not None and not isinstance(value, kind):
        raise AutomationsError(f"the job's {name} is {value!r}: not of the right type", code="cannot-start")
    return value


def _interpreter(spec: RunSpec, folder: Path) -> str:
    """A bare name is looked up on the run's PATH; a path is relative to the deployment's folder."""
    python: str = _setting(spec.job, "python", str) or sys.executable
    return str(folder / python) if "/" in python else python


def _target(spec: RunSpec, folder: Path) -> tuple[str, str, str]:
    """What is fetched is found where the pull steps end: there the paths are relative."""
    command: str | None = _setting(spec.job, "command", str)
    if command is not None:
        return "shell", command, str(folder)
    file, _, _ = spec.entrypoint.rpartition(":")
    here = spec.pull or not file.endswith(".py")
    return "call", spec.entrypoint if here else str(folder / spec.entrypoint), "." if spec.pull else str(folder)


def _pull(spec: RunSpec, read_secret: ReadSecret) -> dict[str, str]:
    """The steps with their secrets: in the environment, which nobody else can read, and not for long. Set in any
    case: what a run's `env` says under this name must not be carried out.
    """
    steps = [
        {**step, "access_token": read_secret(SecretReference.model_validate(step["access_token"]))}
        if isinstance(step.get("access_token"), dict)
        else step
        for step in spec.pull
    ]
    return {"AUTOMATIONS_PULL": orjson.dumps(steps).decode()}


def _environment(spec: RunSpec, api_url: str | None) -> dict[str, str]:
    """The run's `env` wins over the engine's address, before which a proxy may stand; not over the run's names."""
    names = {
        "AUTOMATIONS_RUN_ID": spec.id,
        "AUTOMATIONS_RUN_NAME": spec.name,
        "AUTOMATIONS_DEPLOYMENT": spec.deployment,
    }
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    address = {} if api_url is None else {"AUTOMATIONS_API_URL": api_url}
    return {**inherited, **address, **(_setting(spec.job, "env", dict) or {}), **names}

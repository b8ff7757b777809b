"""Fetches what a run needs. A file by itself: `child.py` loads it in the run's own process, under the run's
interpreter (3.8 or newer).

The steps are those of Prefect's `pull` section: each gives outputs that later ones read as `{{ id.output }}`, and
the last `directory` that one gives is where the run goes on.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence  # noqa: UP035  of 3.8, too
from urllib.parse import urlsplit

_OUTPUT = re.compile(r"\{\{\s*([\w-]+)\.([\w-]+)\s*\}\}")
_TOKEN_USERS = {"gitlab": "oauth2", "bitbucket": "x-token-auth"}


class PullError(Exception):
    """A step failed: which, and why."""


def pull(steps: Sequence[Mapping[str, Any]]) -> None:
    """Carry out the steps, one after another, and go to the directory in which they end."""
    outputs: dict[str, Mapping[str, str]] = {}
    for number, written in enumerate(steps, 1):
        step = _filled(written, outputs)
        name = step.pop("step")
        said = step.pop("id", None)
        step.pop("requires", None)
        print(f"pull step {number} of {len(steps)}: {said or name}", flush=True)
        try:
            given = _STEPS[name](**step)
        except (OSError, subprocess.CalledProcessError) as error:
            raise PullError(f"pull step {number} ({said or name}) failed: {error}") from None
        if "directory" in given:
            os.chdir(given["directory"])
        if said:
            outputs[said] = given


def _filled(value: Any, outputs: Mapping[str, Mapping[str, str]]) -> Any:
    if isinstance(value, str):
        return _OUTPUT.sub(lambda found: outputs.get(found[1], {}).get(found[2], found[0]), value)
    if isinstance(value, dict):
        return {key: _filled(item, outputs) for key, item in value.items()}
    return value


def _git_clone(
    repository: str,
    branch: str | None = None,
    commit_sha: str | None = None,
    include_submodules: bool = False,
    access_token: str | None = None,
) -> Mapping[str, str]:
    """Clone without history; a commit is fetched by its own name."""
    name = re.sub(r"\.git$", "", repository.rstrip("/").replace(":", "/").rpartition("/")[2])
    directory = f"{name}-{re.sub(r'[^A-Za-z0-9._-]', '-', branch)}" if branch else name
    submodules = ["--recurse-submodules", "--shallow-submodules"] if include_submodules else []
    at = [] if branch is None else ["--branch", branch]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **_credentials(repository, access_token)}
    _run(["git", "clone", "--quiet", "--depth", "1", *at, *submodules, "--", repository, directory], environment)
    if commit_sha is not None:
        _run(["git", "-C", directory, "fetch", "--quiet", "--depth", "1", "origin", commit_sha], environment)
        _run(["git", "-C", directory, "checkout", "--quiet", "FETCH_HEAD"], environment)
        if include_submodules:
            _run(["git", "-C", directory, "submodule", "--quiet", "update", "--init", "--recursive"], environment)
    return {"directory": str(Path(directory).resolve())}


def _credentials(repository: str, token: str | None) -> Mapping[str, str]:
    """As configuration in the environment: arguments can be read by everybody on the machine."""
    if token is None:
        return {}
    host = urlsplit(repository).hostname or ""
    user = next((user for part, user in _TOKEN_USERS.items() if part in host), "x-access-token")
    encoded = base64.b64encode((token if ":" in token else f"{user}:{token}").encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{repository}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {encoded}",
    }


def _set_working_directory(directory: str) -> Mapping[str, str]:
    found = Path(os.path.expanduser(directory)).resolve()
    if not found.is_dir():
        raise NotADirectoryError(f"{found} is no folder")
    return {"directory": str(found)}


def _run_shell_script(
    script: str,
    directory: str | None = None,
    env: Mapping[str, str] | None = None,
    stream_output: bool = True,
    expand_env_vars: bool = False,
) -> Mapping[str, str]:
    """Run each line as a command, without a shell, as Prefect does."""
    environment = {**os.environ, **(env or {})}
    outputs: list[list[str]] = [[], []]
    for line in script.splitlines():
        command = shlex.split(os.path.expandvars(line) if expand_env_vars else line, comments=True)
        if command:
            done = subprocess.run(  # noqa: S603
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            streams = (sys.stdout, sys.stderr)
            for kept, stream, raw in zip(outputs, streams, (done.stdout, done.stderr)):  # noqa: B905  3.8 has none
                kept.append(raw.decode(errors="replace"))
                if stream_output or done.returncode:
                    stream.write(kept[-1])
                    stream.flush()
            done.check_returncode()
    return {"stdout": "".join(outputs[0]).strip(), "stderr": "".join(outputs[1]).strip()}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)  # noqa: S603


_STEPS: Mapping[str, Callable[..., Mapping[str, str]]] = {
    "git_clone": _git_clone,
    "set_working_directory": _set_working_directory,
    "run_shell_script": _run_shell_script,
}

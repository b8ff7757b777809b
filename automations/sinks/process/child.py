"""What runs in a run's own process. It stands alone: any interpreter from 3.8 on runs this file by its path.

    child.py PARENT call FILE FUNCTION DIRECTORY      parameters as a JSON object on standard input
    child.py PARENT shell COMMAND                     the same input goes to the command

Two processes: a guardian, leader of the group, and the one that does the work. When the engine dies, the kernel
signals the guardian, and it kills the group with everything that the work has started.
"""

from __future__ import annotations

import ctypes
import importlib.util
import inspect
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_NOT_STARTED = 127


def die_with_parent(parent: int, number: int) -> None:
    """Ask the kernel for a signal at the parent's death; it may have died before we asked."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.killpg(0, signal.SIGKILL)


def guard(engine: int) -> None:
    """Fork the worker and wait for it; returns in the worker only."""
    signal.signal(signal.SIGHUP, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(engine, signal.SIGHUP)
    guardian = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(guardian, signal.SIGKILL)
        return
    _, status = os.waitpid(worker, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def load(file: str, function: str, directory: str) -> Any:
    """Import the file by its path and return the function."""
    sys.path[0] = directory
    spec = importlib.util.spec_from_file_location("__entrypoint__", os.path.join(directory, file))
    if spec is None or spec.loader is None:
        sys.exit(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["__entrypoint__"] = module
    spec.loader.exec_module(module)
    return getattr(module, function)


def call(file: str, function: str, directory: str) -> None:
    """Call the entrypoint with the parameters on standard input."""
    parameters = json.loads(sys.stdin.read() or "{}")
    entrypoint = load(file, function, directory)
    try:
        inspect.signature(getattr(entrypoint, "fn", entrypoint)).bind(**parameters)
    except TypeError as error:
        sys.exit(f"{function} does not take these parameters: {error}")
    result = entrypoint(**parameters)
    if inspect.isawaitable(result):
        import asyncio

        asyncio.run(_awaited(result))


async def _awaited(result: Any) -> Any:
    return await result


def main() -> None:
    """Guard, then do what the arguments say."""
    parent, kind, *rest = sys.argv[1:]
    guard(int(parent))
    if kind == "call":
        call(*rest)
    else:
        try:
            os.execv("/bin/sh", ["/bin/sh", "-c", *rest])
        except OSError as error:
            print(error, file=sys.stderr)
            os._exit(_NOT_STARTED)


if __name__ == "__main__":
    main()

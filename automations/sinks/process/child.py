"""Carries out one run. A file by itself: it is run by its path, under the interpreter of the run (3.8 or newer).

    python child.py ENGINE_PID call  /path/to/file.py:function DIRECTORY
    python child.py ENGINE_PID shell 'a command'               DIRECTORY

Two processes: a supervisor, which the engine knows, and the worker that it forks, in a process group of its own.
The supervisor outlives whatever the worker leaves behind, so that nothing of a run outlives the run or the engine:
it adopts descendants that left the group, ends all of them when the worker has ended, and is told by the kernel
when the engine dies. SIGTERM to the supervisor goes to the group; SIGUSR2, which is also what the engine's death
sends, kills it. The parameters are JSON on the standard input, a file of the engine's: the reason why the worker
failed is appended to it. With pull steps (JSON in AUTOMATIONS_PULL) the worker fetches first, and the file and the
directory are relative to where they end. Exit code: the worker's, 128 + n for signal n.
"""

from __future__ import annotations

import ctypes
import inspect
import io
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

_SET_DEATH_SIGNAL = 1  # prctl(2), Linux
_SET_CHILD_SUBREAPER = 36
_HANDLED = {signal.SIGTERM, signal.SIGUSR2}
_LONGEST_REASON = 500  # characters


def main(engine: str, mode: str, target: str, directory: str) -> int:
    """Fork; be the supervisor, or the worker. Returns the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # until there is a group to pass them on to
    _die_with(int(engine), signal.SIGUSR2)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()
    worker = os.fork()
    if worker:
        return supervise(worker)
    os.setpgid(0, 0)
    _die_with(supervisor, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    if not _fetched(json.loads(os.environ.pop("AUTOMATIONS_PULL", "[]"))):
        return 1
    if mode == "shell":
        os.execv("/bin/sh", ["sh", "-c", target])
    return call(target, directory)


def _prctl(option: int, argument: int) -> None:
    """Linux only; elsewhere a run may outlive an engine that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


def _die_with(parent: int, number: int) -> None:
    _prctl(_SET_DEATH_SIGNAL, number)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


# --- the supervisor ------------------------------------------------------------------------------------------


def supervise(worker: int) -> int:
    """Pass signals on, wait, end what is left. The worker stays unreaped until its group is gone: the group's
    number cannot be another's so long.
    """
    with suppress(OSError):  # the worker does it, too: whoever is first
        os.setpgid(worker, worker)
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(worker, signal.SIGTERM))
    signal.signal(signal.SIGUSR2, lambda *_: _signal_group(worker, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
    for number in _HANDLED:
        signal.signal(number, signal.SIG_IGN)
    _signal_group(worker, signal.SIGKILL)
    status = os.waitpid(worker, 0)[1]
    _end_adopted()
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _signal_group(group: int, number: int) -> None:
    with suppress(OSError):  # it has ended
        os.killpg(group, number)


def _end_adopted() -> None:
    """Kill descendants that left the group; as their parents end, theirs become ours, until there are none."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as listing:
                children = [int(child) for child in listing.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


# --- the worker ----------------------------------------------------------------------------------------------


def call(target: str, directory: str) -> int:
    """Call `path.py:function` or `package.module:function` with the parameters, and finish what it returns."""
    with open(0, "rb", closefd=False) as pipe:
        parameters = json.loads(pipe.read())
    engine = os.dup(0)  # not inherited by what the run starts
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream in (sys.stdout, sys.stderr):  # one write a line: seen at once, and cheaper than unbuffered
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    path, _, name = target.rpartition(":")
    directory = os.path.abspath(directory)
    of_file = path.endswith(".py")
    path = os.path.abspath(path) if of_file else path
    sys.argv = [path]
    beside = [os.path.dirname(path)] if of_file else []
    sys.path[:1] = list(dict.fromkeys((directory, *beside)))  # in place of this file's own folder
    try:
        function = _load(path, name)
        problem = _misfit(function, parameters)
        if problem is not None:
            told = f"the parameters do not fit {name}: {problem}"
            print(told, file=sys.stderr)
            _tell(engine, told)
            return 1
        _finish(function(**parameters))
    except Exception as error:  # noqa: BLE001  whatever the run raised is its own
        _print_traceback(error)
        _tell(engine, "".join(traceback.format_exception_only(type(error), error)))
        return 1
    return 0


def _tell(engine: int, reason: str) -> None:
    """Append the reason, as one line, to the engine's file of which `engine` is a descriptor."""
    line = " ".join(reason.split())[:_LONGEST_REASON]
    with suppress(OSError):  # the traceback is in the output in any case
        os.lseek(engine, 0, os.SEEK_END)
        os.write(engine, line.encode(errors="replace"))


def _fetched(steps: list[dict[str, Any]]) -> bool:
    if not steps:
        return True
    pull = _load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pull.py"), "pull")
    try:
        pull(steps)
    except Exception as error:  # noqa: BLE001  whatever it is, there is nothing to run
        print(error, file=sys.stderr)
        _tell(0, str(error).partition(": ")[0])  # which step: its command, behind, may hold credentials
        return False
    return True


def _load(path: str, name: str) -> Any:
    import importlib.util

    if not path.endswith(".py"):
        return getattr(importlib.import_module(path), name)
    stem = os.path.splitext(os.path.basename(path))[0]
    module_name = "automations_entrypoint" if stem in sys.modules else stem
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def _misfit(function: Any, parameters: dict[str, Any]) -> TypeError | None:
    """What is wrong with the parameters, or None."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(**parameters)
    except TypeError as error:
        return error
    return None


def _finish(result: Any) -> None:
    """Await a coroutine and exhaust a generator: the call alone has run nothing of either."""
    if inspect.isawaitable(result) or inspect.isasyncgen(result):
        import asyncio

        asyncio.run(_finished(result))
    elif inspect.isgenerator(result):
        for _ in result:
            pass


async def _finished(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
    else:
        async for _ in result:
            pass


def _print_traceback(error: Exception) -> None:
    """Without the frames up to this file's last, and of the import system: they say nothing about the run."""
    trace = below = error.__traceback__
    while below is not None:
        own = below.tb_frame.f_code.co_filename == __file__
        below = below.tb_next
        trace = below if own else trace
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

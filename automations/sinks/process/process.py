"""One run's process, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from automations.model.job import RunSpec, RunState
from automations.ports import Clock, Store
from automations.sinks.process.command import command_of
from automations.sinks.process.output import Output

_STORE_EVERY: Final = 0.1
_KILL_AFTER: Final = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    state: RunState
    message: str = ""
    exit_code: int | None = None


class Execution:
    """`start`, then `wait`; `stop` at any time. `pid` is that of the run's process group."""

    def __init__(self, spec: RunSpec, store: Store, clock: Clock) -> None:
        self._spec, self._store = spec, store
        self._output = Output(spec.id, clock.now)
        self._process: asyncio.subprocess.Process | None = None
        self._reason: Ended | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self.pid: int | None = None

    async def start(self) -> Ended | None:
        """Spawn the process; returns how it ended if it could not be."""
        if self._reason is not None:
            return self._reason
        try:
            command = self._command = command_of(self._spec)
            pipe = asyncio.subprocess.PIPE if command.stream_output else asyncio.subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(
                *command.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=pipe,
                stderr=pipe,
                cwd=command.working_dir,
                env=command.environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument or variable
            return Ended(RunState.CRASHED, f"it could not be started: {error}")
        self.pid = self._process.pid
        if command.timeout is not None:
            self._later(command.timeout, RunState.FAILED, f"timed out after {command.timeout:g} s")
        self._stop_if_asked()  # while it was being spawned there was nobody to signal
        return None

    def _stop_if_asked(self) -> None:
        if self._reason is not None:
            self.stop(self._reason.state, self._reason.message)

    async def wait(self) -> Ended:
        """Feed the process, read it to its end, and tell how it ended."""
        process = self._process
        if process is None:
            raise RuntimeError("wait comes after start")
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._store_output(ended))
            group.create_task(self._feed(process))
            readers = [group.create_task(reading) for reading in self._readings(process)]
            code = await process.wait()
            for timer in self._timers:
                timer.cancel()
            self.kill()  # what the run left behind in its group ends with it, and lets go of the pipes
            if readers:
                await asyncio.wait(readers)
            ended.set()
        return self._ended(code)

    def _readings(self, process: asyncio.subprocess.Process) -> Iterator[Coroutine[Any, Any, None]]:
        if process.stdout is not None:
            yield self._output.read("stdout", process.stdout)
        if process.stderr is not None:
            yield self._output.read("stderr", process.stderr)

    def _ended(self, code: int) -> Ended:
        if self._reason is not None:
            return Ended(self._reason.state, self._reason.message, code)
        if code == 0:
            return Ended(RunState.COMPLETED, "", 0)
        number = -code if code < 0 else code - 128  # the guardian reports a signal as a shell does
        if number in signal.Signals.__members__.values():
            return Ended(RunState.CRASHED, f"killed by {signal.Signals(number).name}", code)
        return Ended(RunState.FAILED, f"exit code {code}", code)

    def stop(self, state: RunState, message: str) -> None:
        """Ask the process to end, and kill it when it does not within 5 s; before its start, it never starts."""
        self._reason = self._reason or Ended(state, message)
        self._signal(signal.SIGTERM)
        self._timers.append(asyncio.get_running_loop().call_later(_KILL_AFTER, self.kill))

    def kill(self) -> None:
        """Kill the whole group."""
        self._signal(signal.SIGKILL)

    def _later(self, seconds: float, state: RunState, message: str) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, self.stop, state, message))

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _feed(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            # A job need not read: it may have closed the pipe, or have ended. uvloop raises RuntimeError for that.
            with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
                process.stdin.write(self._command.stdin)
                await process.stdin.drain()
            process.stdin.close()

    async def _store_output(self, ended: asyncio.Event) -> None:
        """Store what comes in batches, and the last of it before the run's end is recorded."""
        while not ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_STORE_EVERY):
                    await ended.wait()
            if lines := self._output.take():
                await self._store.write(lambda tx, lines=lines: tx.add_logs(lines))  # type: ignore[misc]

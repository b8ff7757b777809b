"""One run as a process: started, watched, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from automations.model.job import RunState
from automations.model.moment import SECOND, format_duration
from automations.sinks.process.launch import Launch
from automations.sinks.process.output import RunOutput, Stream

_STREAMS: Final[dict[int, Stream]] = {1: "stdout", 2: "stderr"}
_KILL: Final = signal.SIGUSR2
"""At this the supervisor (child.py) kills all of the run."""
_SIGNALLED: Final = 128
_LONGEST_REASON: Final = 4096
"""Bytes; child.py cuts what it tells well below."""
_PIPES_CLOSE: Final = 2.0
"""Seconds that the pipes have to close after the process has ended."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    state: RunState
    message: str = ""
    exit_code: int | None = None


class _Process(asyncio.SubprocessProtocol):
    """The pipes and the exit of a process. Reading stops while the output waits for the store."""

    def __init__(self, output: RunOutput) -> None:
        loop = asyncio.get_running_loop()
        self._output = output
        self._output.on_drained = self._resume
        self._paused = False
        self.exited: asyncio.Future[int] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.SubprocessTransport", transport)  # uvloop's is none by inheritance

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._output.feed(_STREAMS[fd], data)
        if self._output.full and not self._paused:
            self._paused = True
            for pipe in self._pipes():
                pipe.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            for pipe in self._pipes():
                pipe.resume_reading()

    def _pipes(self) -> list[asyncio.ReadTransport]:
        pipes = (self.transport.get_pipe_transport(fd) for fd in _STREAMS)
        return [
            cast("asyncio.ReadTransport", pipe) for pipe in pipes if pipe is not None and not pipe.is_closing()
        ]

    def process_exited(self) -> None:
        code = self.transport.get_returncode()
        if not self.exited.done():
            self.exited.set_result(0 if code is None else code)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class Execution:
    """`stop` and `kill` may be called at any time; the first `stop` decides how the run ends."""

    def __init__(self, output: RunOutput, *, kill_after: float) -> None:
        """`kill_after`: seconds between asking a run to end and killing it."""
        self._output, self._kill_after = output, kill_after
        self._stopped: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._process: _Process | None = None
        self._input: IO[bytes] | None = None
        self._reason_at = 0

    @property
    def stopped(self) -> Ending | None:
        """How the run ends when it was told to."""
        return self._stopped.result() if self._stopped.done() else None

    def stop(self, ending: Ending) -> None:
        """Ask the run to end (SIGTERM to its group), and kill it when it does not."""
        if not self._stopped.done():
            self._stopped.set_result(ending)

    def kill(self) -> None:
        """Kill all of the run."""
        self._signal(_KILL)

    def close(self) -> None:
        """Let go of the process; one that still runs is killed."""
        if self._process is not None:
            self._process.transport.close()
        if self._input is not None:
            self._input.close()

    async def start(self, launch: Launch) -> int:
        """Start the process and return its pid; OSError when it cannot be started."""
        output = asyncio.subprocess.PIPE if launch.keep_output else asyncio.subprocess.DEVNULL
        self._input = tempfile.TemporaryFile()  # noqa: SIM115  `close` does
        self._reason_at = self._input.write(launch.input)
        self._input.seek(0)
        transport, self._process = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Process(self._output),
            *launch.arguments,
            stdin=self._input,
            stdout=output,
            stderr=output,
            cwd=launch.directory,
            env=launch.environment,
            start_new_session=True,
        )
        return transport.get_pid()

    async def wait(self, limit: int | None) -> Ending:
        """Return how the run ended, at the latest `limit` microseconds from now and the time to kill it."""
        assert self._process is not None  # noqa: S101  started before
        exited = self._process.exited
        seconds = None if limit is None else limit / SECOND
        either: set[asyncio.Future[Any]] = {exited, self._stopped}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not exited.done():
            self.stop(Ending(RunState.FAILED, f"timed out after {format_duration(limit or 0)}"))
            self._signal(signal.SIGTERM)
            await asyncio.wait({exited}, timeout=self._kill_after)
            self.kill()
            return await self._collected(self._stopped.result())
        return await self._collected(_ending_of(exited.result(), self._reason()))

    def _reason(self) -> str:
        """Why the run failed, in its own word: what child.py left behind the parameters."""
        assert self._input is not None  # noqa: S101  started before
        told = os.pread(self._input.fileno(), _LONGEST_REASON, self._reason_at)
        return told.decode(errors="replace").replace("\0", "\ufffd")

    async def _collected(self, ending: Ending) -> Ending:
        """Wait for the exit and the last of the output."""
        assert self._process is not None  # noqa: S101
        code = await self._process.exited
        await asyncio.wait({self._process.closed}, timeout=_PIPES_CLOSE)
        return Ending(ending.state, ending.message, code)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.transport.send_signal(number)


def _ending_of(code: int, reason: str) -> Ending:
    """A run that a signal ended has crashed: it did not fail by its own doing."""
    if code == 0:
        return Ending(RunState.COMPLETED)
    number = -code if code < 0 else code - _SIGNALLED
    if number in signal.valid_signals():
        return Ending(RunState.CRASHED, f"ended by {signal.Signals(number).name}")
    return Ending(RunState.FAILED, reason or f"exit code {code}")

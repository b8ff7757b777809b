"""One engine to a file: an advisory lock that the system lets go when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from automations.errors import SettingsError


class FileLock:
    """Holds `path` exclusively from its making to `release`. The file stays: to remove it would let two holders
    lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held(path) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def _held(self, path: Path) -> SettingsError:
        self._file.seek(0)
        holder = self._file.read(20) or "unknown"
        self._file.close()
        return SettingsError(
            f"{path.with_suffix('')} is in use by the process {holder}",
            code="store-in-use",
            hint="stop that engine, or give this one a database of its own with --db",
        )

    def release(self) -> None:
        """Let go."""
        self._file.close()

"""Which files hold rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from errno import EINVAL
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final

from automations.errors import Location, Problem
from automations.rulefiles.document import Document
from automations.rulefiles.reader import read_yaml
from automations.rulefiles.source import MAX_BYTES

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_OTHER_FILES: Final = frozenset({"sources.yaml", "deployments.yaml", "prefect.yaml"})


def rule_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the rule files at and below the paths, each once, and what cannot be reached.

    Links are followed. Left out are hidden files and folders, rule tests (`*_test.yaml`), and the files of other
    kinds that may stand beside the rules.
    """
    search = _Search(_may_hold_rules)
    files = [file for path in paths if path.is_dir() or _may_hold_rules(path) for file in search.below(path)]
    if paths and not files and not search.problems:
        where = Location(str(paths[0]))
        search.problems.append(Problem("no-rules", "there are no rule files here", where, severity="warning"))
    return files, search.problems


def rule_test_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the test files (`*_test.yaml`) at and below the paths, each once, and what cannot be reached."""
    search = _Search(_holds_tests)
    files = [file for path in paths for file in search.below(path)]
    return files, search.problems


def read_file(file: Path) -> tuple[list[Document], list[Problem]]:
    """Read the documents of a file; what cannot be read is a problem."""
    try:
        raw = read_regular(file, MAX_BYTES + 1)
    except OSError as error:
        return [], [_unreadable(file, error)]
    return read_yaml(raw, str(file))


def read_regular(file: Path, most: int) -> bytes:
    """Return the first `most` bytes of a regular file; OSError for any other kind, whose opening could block."""
    if not S_ISREG(file.stat().st_mode):
        raise OSError(EINVAL, "this is no regular file", str(file))
    with file.open("rb") as stream:
        return stream.read(most)


class _Search:
    def __init__(self, wanted: Callable[[Path], bool]) -> None:
        self.problems: list[Problem] = []
        self._wanted = wanted
        self._seen: set[tuple[int, int]] = set()

    def below(self, path: Path) -> Iterator[Path]:
        try:
            status = path.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in self._seen:  # the same file by another name, or a folder that links to its parent
                return
            self._seen.add(identity)
            if S_ISDIR(status.st_mode):
                for child in sorted(path.iterdir()):
                    if self._is_candidate(child):
                        yield from self.below(child)
            elif S_ISREG(status.st_mode):
                yield path
            else:
                self.problems.append(Problem("no-file", "this is no regular file", Location(str(path))))
        except OSError as error:
            self.problems.append(_unreadable(path, error))

    def _is_candidate(self, path: Path) -> bool:
        hidden = path.name.startswith(".")
        return not hidden and (path.is_dir() or (path.suffix in _SUFFIXES and self._wanted(path)))


def _unreadable(path: Path, error: OSError) -> Problem:
    """Say why a file or folder cannot be read."""
    message = f"it cannot be read: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        message = "the link leads nowhere" if path.is_symlink() else "there is no such file or folder"
    return Problem("no-file", message, Location(str(path)))


def _may_hold_rules(path: Path) -> bool:
    return path.name not in _OTHER_FILES and not _holds_tests(path)


def _holds_tests(path: Path) -> bool:
    return path.stem.endswith("_test")

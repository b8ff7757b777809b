"""A section of a document as a project on the disk, and what its commands print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from unit.docs.blocks import Block, Section

Shell = Callable[[Sequence[str]], str]
"""Runs a command in the current folder and returns all that it prints."""
RULE_FILES = ("rules", "wrong")
SETTINGS = '[notifications.on-call]\nurl = "json://127.0.0.1:9/on-call"\n'
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def parts(section: Section) -> Iterator[list[Block]]:
    """Yield what stands in one project: a wrong file has one of its own, with the console that follows it."""
    together: list[Block] = []
    waiting: list[Block] | None = None
    for block in section.blocks:
        if block.kind == "wrong":
            waiting = [block]
        elif waiting is not None and block.language == "console":
            yield [*waiting, block]
            waiting = None
        else:
            together.append(block)
    assert waiting is None, f"{section.title}: no console shows the errors"
    if together:
        yield together


def write(blocks: Sequence[Block], folder: Path) -> None:
    """Write the files of a project."""
    (folder / "rules").mkdir(parents=True)
    (folder / "automations.toml").write_text(SETTINGS)
    names = {"rules": iter(range(1, 100)), "tests": iter(range(1, 100))}
    for block in blocks:
        if block.kind in RULE_FILES:
            (folder / "rules" / _numbered("example{}.yaml", next(names["rules"]))).write_text(block.text)
        elif block.kind == "tests":
            (folder / "rules" / _numbered("example{}_test.yaml", next(names["tests"]))).write_text(block.text)
        elif "." in block.kind:
            path = folder / block.kind
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


def _numbered(pattern: str, number: int) -> str:
    return pattern.format("" if number == 1 else f"_{number}")


def session(block: Block, shell: Shell) -> str:
    """Run the commands of a console block; returns the block as it ought to be written."""
    said = []
    for command, _ in _COMMAND.findall(block.text):
        words = shlex.split(command)
        assert words[0] == "automations", command
        said.append(f"$ {command}\n{shell(words[1:])}")
    return "".join(said)

"""The fenced blocks of a Markdown document, by the section that they stand in.

The words behind the fence's language say what a block is:
    yaml rules      rule file of the section's project; loads without an error or a warning
    yaml wrong      rule file of a project of its own; the console below shows what is wrong with it
    yaml tests      rule tests of the rules above in the section; all pass
    LANGUAGE FILE   any other file of the project
    console         commands, each with exactly what it prints
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^(```+)(\w*) ?(.*)$")


@dataclass(frozen=True)
class Block:
    language: str
    kind: str
    text: str
    line: int


@dataclass
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)


def sections(document: Path) -> Sequence[Section]:
    """Return the sections of all levels that have a block; each block belongs to the nearest heading above it."""
    lines = document.read_text("utf-8").splitlines()
    found = [Section(document.name)]
    for number, line, block in _parsed(lines):
        if block is not None:
            found[-1].blocks.append(block)
        elif line.startswith("#"):
            found.append(Section(f"{line.lstrip('# ')} (line {number})"))
    return [section for section in found if section.blocks]


def _parsed(lines: Sequence[str]) -> Iterator[tuple[int, str, Block | None]]:
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        fence = _FENCE.match(line)
        if fence is None:
            yield number, line, None
            continue
        body = []
        for _, inner in numbered:
            if inner == fence[1]:
                break
            body.append(inner)
        yield number, line, Block(fence[2], fence[3], "".join(f"{each}\n" for each in body), number)

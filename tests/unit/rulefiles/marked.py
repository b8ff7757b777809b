"""Rule files with marks where a problem is wanted: `^` stands before the place, and is not in the file."""

from __future__ import annotations

from pathlib import Path

from automations.rulefiles import check_rules

Lines = list[str]


def told(folder: Path, marked: str) -> Lines:
    """What is told of a file, in order; AssertionError where a place is not marked, or a mark is no place."""
    file = folder / "r.yaml"
    file.write_text(marked.replace("^", ""))
    problems = check_rules([folder]).problems
    assert {(p.location.line, p.location.column) for p in problems} == places(marked)
    return [str(problem).removeprefix(f"{problem.location} ") for problem in problems]


def places(marked: str) -> set[tuple[int, int]]:
    found = set()
    for number, line in enumerate(marked.split("\n"), start=1):
        parts = line.split("^")
        found |= {(number, len("".join(parts[:end])) + 1) for end in range(1, len(parts))}
    return found

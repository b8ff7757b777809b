"""What AWS refuses is refused here, each mistake with its place in the pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from automations.errors import AutomationsError

Path = tuple[str | int, ...]
"""Keys and positions from the pattern's root."""


@dataclass(frozen=True, slots=True)
class PatternProblem:
    """One mistake: its place, a stable code, what is wrong, how to mend it."""

    path: Path
    code: str
    message: str
    hint: str | None = None


class PatternError(AutomationsError):
    """A pattern outside of the language. `problems` holds all of its mistakes."""

    code = "bad-pattern"

    def __init__(self, problems: Sequence[PatternProblem]) -> None:
        self.problems = problems
        first = problems[0]
        where = ".".join(map(str, first.path)) or "the pattern"
        super().__init__(f"{where}: {first.message}", code=first.code, hint=first.hint)

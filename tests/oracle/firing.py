"""What the oracle answers."""

from dataclasses import dataclass

from oracle.spark import State


@dataclass(frozen=True)
class Firing:
    """A firing or a resolve: `at` in microseconds, events as `source/id`, labels in order of their keys."""

    automation: str
    state: State
    at: int
    labels: tuple[tuple[str, str], ...]
    event: str | None
    events: tuple[str, ...]
    count: int
    suppressed: bool

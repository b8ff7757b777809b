"""What a trigger hands upwards: to its parent in a composite, or to the guards."""

from dataclasses import dataclass
from typing import Literal

from oracle.groups import Group
from oracle.occurrence import Occurrence

State = Literal["fired", "resolved"]


@dataclass(frozen=True, eq=False)
class Spark:
    """A trigger's firing (or resolve) for one group, before any guard has seen it."""

    at: int  # microseconds
    group: Group
    event: Occurrence | None
    events: tuple[Occurrence, ...]
    state: State = "fired"


def newest(events: list[Occurrence]) -> Occurrence | None:
    return max(events, key=lambda event: event.order, default=None)


def in_order(events: list[Occurrence]) -> tuple[Occurrence, ...]:
    return tuple(sorted(events, key=lambda event: event.order))

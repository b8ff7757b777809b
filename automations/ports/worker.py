"""How a worker goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """A partition of a stage's input. `position`: where it reads on; `end`: where the partition ended when it read
    last. `restored` is False while it takes up the state of its last owner.
    """

    number: int
    restored: bool
    position: int
    end: int

    @property
    def lag(self) -> int:
        """Offsets that wait to be read."""
        return max(self.end - self.position, 0)


@dataclass(frozen=True, slots=True)
class StageStatus:
    """A stage of this worker: its partitions now, its counts since the worker began."""

    name: str
    partitions: Sequence[PartitionStatus]
    read: int
    written: int
    dead_letters: int
    rebalances: int
    lost: int


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """`missing` says why the worker is not ready."""

    revision: str
    automations: int
    stages: Sequence[StageStatus]
    missing: str | None = None

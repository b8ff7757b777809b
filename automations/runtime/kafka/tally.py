"""What a stage has done in this worker, for whoever looks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts since the worker began. `written`: records by topic."""

    read: int = 0
    written: Counter[str] = field(default_factory=Counter)
    rebalances: int = 0
    lost: int = 0
    """Partitions that another worker took while this one worked on them, or whose transaction failed."""

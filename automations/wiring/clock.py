"""The machine's clock."""

from __future__ import annotations

import time


class SystemClock:
    """Implements `ports.Clock` by the machine's clock."""

    def now(self) -> int:
        """Return the wall clock, microseconds since 1970."""
        return time.time_ns() // 1000

"""When to try again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from automations.model.moment import DAY, SECOND


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded by attempts and by age. Durations are in microseconds.

    Full jitter (a delay anywhere between nothing and the bound) spreads best what failed together. With the
    defaults the delays reach their cap after ten attempts, and 32 attempts take about an hour: long enough for a
    peer's deployment or restart, short enough that a person learns of an outage the same day, with everything
    ready to be redriven. The age bounds only what a peer itself puts off by `Retry-After`.
    """

    max_attempts: int = 32
    max_age: int = DAY
    base: int = SECOND // 2
    cap: int = 300 * SECOND

    def delay(self, attempts: int, age: int, after: int | None, random: float) -> int | None:
        """Return how long to wait, in microseconds, or None when it is time to give up.

        `attempts` have been made (at least one), `age` has passed since the action was planned, `after` is what
        the peer asked for, and `random` lies in [0, 1). The peer's wish is honoured, but the last attempt is not
        put off beyond `max_age`.
        """
        if attempts >= self.max_attempts or age >= self.max_age:
            return None
        doublings = min(attempts - 1, 62)  # beyond it any cap is reached
        jittered = int(min(self.cap, self.base << doublings) * random)
        return min(max(jittered, after or 0), self.max_age - age)

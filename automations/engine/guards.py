"""Guards hold firings back: the throttle (rules.md section 3)."""

from __future__ import annotations

from automations.model.automation import Throttle
from automations.model.reason import Reason


def throttle(rule: Throttle, fired: list[int], now: int) -> tuple[Reason, list[int]]:
    """Decide on a firing at `now`, on the cell's clock, given the moments of those let through before.

    Returns the reason and the moments to keep. The span is (now - per, now]; a suppressed firing does not count.
    """
    recent = [moment for moment in fired if moment > now - rule.per]
    if len(recent) >= rule.limit:
        return Reason.THROTTLED, recent
    return Reason.FIRED, [*recent, now]

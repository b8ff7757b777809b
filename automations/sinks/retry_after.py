"""`Retry-After`: how long a peer asks to be left alone."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from automations.model.moment import SECOND


def parse_retry_after(value: str | None, now: float) -> int | None:
    """Read `Retry-After` (RFC 9110 section 10.2.3): seconds or a date. Returns microseconds from `now` (seconds
    since 1970), or None where it is absent or cannot be read.
    """
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return int(value) * SECOND
    try:
        return max(0, round((parsedate_to_datetime(value).timestamp() - now) * SECOND))
    except (ValueError, OverflowError):
        return None

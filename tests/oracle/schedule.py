"""Schedule triggers (rules 4.4): every minute is looked at, and asked whether the cron line means it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from oracle.durations import duration
from oracle.occurrence import Occurrence
from oracle.spark import Spark

MINUTE = 60_000_000
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES = {name: str(at + 1) for at, name in enumerate(MONTHS)} | {name: str(at) for at, name in enumerate(DAYS)}


def field_values(text: str, low: int, high: int) -> set[int]:
    """What one cron field stands for: `*`, `5`, `1-5`, `*/15`, `1,3`, names of months and days."""
    values: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = low if span == "*" else int(NAMES.get(first, first))
        end = high if span == "*" or (step and not last) else int(NAMES.get(last, last) or begin)
        values |= set(range(begin, end + 1, int(step or 1)))
    return values


class Cron:
    """A line of five fields. When both the day of month and the weekday are restricted, either will do."""

    def __init__(self, line: str) -> None:
        fields = line.split()
        minute, hour, day, month, weekday = (field_values(t, *b) for t, b in zip(fields, BOUNDS, strict=True))
        self.minute, self.hour, self.day, self.month = minute, hour, day, month
        self.weekday = {value % 7 for value in weekday}
        self.either = not fields[2].startswith("*") and not fields[4].startswith("*")

    def means(self, local: datetime) -> bool:
        days = (local.day in self.day, local.isoweekday() % 7 in self.weekday)
        on_day = any(days) if self.either else all(days)
        return local.minute in self.minute and local.hour in self.hour and local.month in self.month and on_day


def local_minutes(moment: int, zone: ZoneInfo) -> list[datetime]:
    """The wall-clock minutes that this one stands for: none in a fold's second pass, a whole gap at its shift."""
    now = datetime.fromtimestamp(moment // 1_000_000, UTC).astimezone(zone)
    before = datetime.fromtimestamp(moment // 1_000_000 - 60, UTC).astimezone(zone)
    if now.fold:
        return []
    wall, last = now.replace(tzinfo=None), before.replace(tzinfo=None)
    skipped = int((wall - last).total_seconds()) // 60
    return [wall - timedelta(minutes=back) for back in range(max(skipped, 1))]


class Schedule:
    """Fires at each tick after the automation was loaded; takes no events."""

    keys: tuple[str, ...] = ()
    window: int | None = None

    def __init__(self, trigger: dict[str, Any], loaded: int) -> None:
        schedule = trigger["schedule"]
        self.cron = Cron(schedule["cron"])
        self.zone = ZoneInfo(schedule.get("timezone", "UTC"))
        self.catch_up = duration(schedule.get("catch_up", "5m"))
        self.minute = (loaded // MINUTE + 1) * MINUTE  # the first one not yet looked at
        self.found: int | None = None

    def ticks(self, moment: int) -> bool:
        return any(self.cron.means(local) for local in local_minutes(moment, self.zone))

    def matches(self, event: Occurrence) -> bool:
        return False

    def take(self, event: Occurrence, clock: int, horizon: int | None) -> list[Spark]:
        return []

    def next_deadline(self) -> int:
        if self.found is None:
            while not self.ticks(self.minute):
                self.minute += MINUTE
            self.found = self.minute
        return self.found

    def judge(self, instant: int) -> list[Spark]:
        self.minute, self.found = instant + MINUTE, None
        return [Spark(instant, (), None, ())]

    def after_downtime(self, now: int) -> None:
        """Of the ticks missed while down, the latest one fires if it is younger than `catch_up`."""
        missed = None
        while self.next_deadline() <= now:
            missed = self.next_deadline()
            self.judge(missed)
        if missed is not None and now - missed < self.catch_up:
            self.found = missed

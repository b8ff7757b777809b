"""Durations of rule files as microseconds: numbers of seconds, `1h30m`, `1.5h`, `PT5M`."""

import re
from fractions import Fraction

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ISO = re.compile(r"P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?")
TEXT = re.compile(r"(?:[\d.]+[smhd])+")


def duration(value: float | str) -> int:
    """Microseconds of a duration; ValueError when it cannot be read."""
    if isinstance(value, int | float):
        return int(Fraction(str(value)) * 1_000_000)
    if value.startswith("P"):
        found = ISO.fullmatch(value)
        parts = zip(found.groups() if found else (), "dhms", strict=False)
        return sum(int(Fraction(number) * UNITS[unit] * 1_000_000) for number, unit in parts if number)
    if not TEXT.fullmatch(value):
        raise ValueError(value)
    return sum(int(Fraction(n) * UNITS[unit] * 1_000_000) for n, unit in re.findall(r"([\d.]+)([smhd])", value))

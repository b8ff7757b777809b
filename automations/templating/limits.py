"""The bounds of the language, and the fuel that a render burns (security.md section 1)."""

from __future__ import annotations

import math
from typing import Final

from automations.errors import RenderError

MAX_SOURCE: Final = 8 * 1024
MAX_NODES: Final = 400
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 3
MAX_LOOP_NESTING: Final = 2
MAX_ITERATIONS: Final = 100
MAX_RESULT: Final = 64 * 1024
MAX_INTEGER: Final = 2**63 - 1
FUEL: Final = 20_000
_CHARACTERS_MADE: Final = 16
_CHARACTERS_READ: Final = 256


class Fuel:
    """What one render may still do.

    A unit pays for one node evaluated, one item visited, 16 characters made or 256 characters read. Nothing that
    is charged depends on a cache or a clock, so a replay ends where the first render did.
    """

    __slots__ = ("iterations", "left")

    def __init__(self) -> None:
        self.left = FUEL
        self.iterations = [0] * MAX_LOOP_NESTING

    def burn(self, units: int = 1) -> None:
        """Use up some; RenderError `limit` when none is left."""
        self.left -= units
        if self.left < 0:
            raise self.exhausted()

    def exhausted(self) -> RenderError:
        """The error of doing too much."""
        return RenderError("the template does too much work for one value", code="limit")

    def text(self, length: int) -> None:
        """Charge text before it is made, so that it never is when it would be too long."""
        if length > MAX_RESULT:
            raise RenderError(f"the template makes more than {MAX_RESULT} characters", code="limit")
        self.burn(length // _CHARACTERS_MADE)

    def read(self, length: int) -> None:
        """Charge a scan over text."""
        self.burn(length // _CHARACTERS_READ)

    def iterate(self, level: int, times: int) -> None:
        """Count the iterations of a loop: those of all loops at one level of nesting have one bound."""
        self.iterations[level] += times
        if self.iterations[level] > MAX_ITERATIONS:
            raise RenderError(f"the loops of the template run more than {MAX_ITERATIONS} times", code="limit")


def bounded(number: int | float) -> int | float:
    """Keep integers within 64 bits, as JSON readers elsewhere do, and floats finite, as JSON is."""
    if type(number) is int:
        if not -MAX_INTEGER - 1 <= number <= MAX_INTEGER:
            raise RenderError("an integer is beyond 64 bits", code="limit")
    elif not math.isfinite(number):
        raise RenderError("a number is not finite", code="type")
    return number


def text_weight(text: str) -> int:
    """What comparing this text costs, in units of fuel."""
    return len(text) // _CHARACTERS_READ

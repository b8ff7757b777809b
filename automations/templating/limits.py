"""The bounds of the language, and the fuel that a render burns (security.md section 1)."""

from __future__ import annotations

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
_CHARACTERS_PER_UNIT: Final = 16


class Fuel:
    """What one render may still do: a unit for each node evaluated and for each 16 characters made."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = FUEL

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
        self.burn(length // _CHARACTERS_PER_UNIT)


def bounded(number: int) -> int:
    """Keep integers within 64 bits, as JSON readers elsewhere do."""
    if not -MAX_INTEGER - 1 <= number <= MAX_INTEGER:
        raise RenderError("an integer is beyond 64 bits", code="limit")
    return number

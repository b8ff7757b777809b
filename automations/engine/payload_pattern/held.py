"""How a part of a pattern holds."""

from __future__ import annotations

from enum import IntEnum


class Held(IntEnum):
    """Whether it holds, and whether by a value. What holds by absence alone chooses no element of an array, so it
    has to hold in all of them; a value chooses its element, and what belongs to it holds there.
    """

    NOT = 0
    BY_ABSENCE = 1
    BY_VALUE = 2

"""Composites: they fire when enough of their parts have fired (rules.md 4.2 and 10).

State of a group: {"parts": {index: [arrival number, spark], ...}, "arrivals": number}. Only the latest firing of
each part counts: the one with the greatest time, and of equal times the one that came last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automations.engine.entries import order_of
from automations.engine.machine import Spark
from automations.model.document import JsonObject
from automations.model.reason import Reason

_Part = tuple[tuple[int, int], str, Spark]
"""(time, arrival number), index, spark"""


@dataclass(frozen=True, slots=True)
class Composite:
    """`required` of the parts `names` (index → name, where it has one) within `within` microseconds of each other,
    None: unlimited. `ordered`: in the order in which they are listed.
    """

    names: Sequence[str | None]
    required: int
    within: int | None
    ordered: bool

    def taken(self, state: JsonObject | None, part: str, spark: Spark, oldest: int) -> JsonObject:
        """Remember the firing of a part, if it is its latest; forget those before `oldest`."""
        before = state or {"parts": {}, "arrivals": 0}
        parts = {index: kept for index, kept in before["parts"].items() if kept[1]["at"] >= oldest}
        number = before["arrivals"] + 1
        if part not in parts or parts[part][1]["at"] <= spark.at:
            parts[part] = [number, spark.to_state()]
        return {"parts": parts, "arrivals": number}

    def judged(self, state: JsonObject) -> tuple[JsonObject | None, Spark | None, Reason]:
        """Fire when enough parts have fired; then all are spent."""
        parts = sorted(_parts(state["parts"]), key=lambda part: part[0])
        chosen = self._in_reach(parts)
        if chosen is None:
            return state, None, Reason.NOT_ALL_PARTS
        if self.ordered and [int(index) for _, index, _ in chosen] != list(range(len(self.names))):
            return state, None, Reason.WRONG_ORDER
        return None, self._spark(chosen), Reason.FIRED

    def _in_reach(self, parts: Sequence[_Part]) -> Sequence[_Part] | None:
        """The newest set of enough parts, in order of time: from its newest part back as `within` reaches."""
        for last in range(len(parts), self.required - 1, -1):
            newest = parts[last - 1][0][0]
            inside = [p for p in parts[:last] if self.within is None or p[0][0] >= newest - self.within]
            if len(inside) >= self.required:
                return inside
        return None

    def _spark(self, parts: Sequence[_Part]) -> Spark:
        sparks = [spark for _, _, spark in parts]
        entries = sorted((s.event for s in sparks if s.event is not None), key=order_of)
        named = {index: spark for _, index, spark in parts}
        named |= {name: named[str(i)] for i, name in enumerate(self.names) if name and str(i) in named}
        return Spark(
            at=sparks[-1].at,
            kind="fire",
            causes=[cause for spark in sparks for cause in spark.causes],
            entries=entries,
            count=len(entries),
            event=entries[-1] if entries else None,
            parts=named,
        )


def _parts(parts: Mapping[str, Any]) -> list[_Part]:
    return [((spark["at"], number), index, Spark.from_state(spark)) for index, (number, spark) in parts.items()]

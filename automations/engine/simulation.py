"""The engine on a clock of its own, in memory: what rule tests, backtests and proofs run."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from automations.engine.batch import Batch, Found, Input, read
from automations.engine.evaluate import DEFAULT, CellKey, StateBounds, self_starting_cell
from automations.engine.index import Index
from automations.model.event import Event


class Simulation:
    """All automations of an index from the moment `loaded` (microseconds) on. Inputs are given in order of
    receipt; the same inputs give the same firings as they give in a running engine.
    """

    def __init__(self, index: Index, loaded: int, bounds: StateBounds = DEFAULT) -> None:
        self.index = index
        self._batch = Batch(index.programs, bounds, {}, [])
        self._known: set[tuple[str, str]] = set()
        programs = [program for program in index.programs.values() if program.automation.enabled]
        for key in filter(None, map(self_starting_cell, programs)):
            self._batch.open(key, loaded)

    def feed(self, event: Event) -> tuple[Input, Sequence[Found]]:
        """Take an event. Returns its trace, and every firing up to it in order. A duplicate is a tick."""
        if event.key in self._known:
            return Input(event, (), []), self.tick(event.received)
        self._known.add(event.key)
        given = read(self.index, frozenset(), event)
        self._batch.take(given)
        return given, self._found()

    def tick(self, now: int, *, downtime: bool = False) -> Sequence[Found]:
        """Let time pass. `downtime`: the engine was away until now."""
        self._batch.tick(now, downtime=downtime)
        return self._found()

    def restart(self) -> None:
        """Go on from what a store would have kept."""
        cells = [(key, state) for key, state in self._batch.cells.items() if state is not None]
        stored: list[tuple[CellKey, object]] = orjson.loads(orjson.dumps(cells))
        self._batch.cells = {(key[0], key[1]): state for key, state in stored}  # type: ignore[misc]

    def _found(self) -> Sequence[Found]:
        """Take what came of the last input; a fault of ours is raised: nothing else would show it here."""
        for broken in self._batch.broken:
            raise broken.error
        found, self._batch.firings = self._batch.firings, []
        return found

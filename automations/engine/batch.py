"""A list of events through match and evaluate, with the ticks that come between them; nothing is stored yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import groupby

from automations.engine.evaluate import CellKey, Evaluation, StateBounds, cell_key, evaluate, tick
from automations.engine.index import Index, Match, matches_of
from automations.engine.program import Program
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.reason import Reason

Kept = tuple[JsonObject | None, int | None]
"""(state, deadline) of a cell; without a state there is none."""
Found = tuple[Program, Firing]
Trace = list[JsonObject]
"""What became of an event at each trigger that it reached: {"automation", "trigger": path, "reason"}."""


@dataclass(frozen=True, slots=True)
class Interest:
    """The triggers of one automation that want one event. `key` is their cell's, None without state."""

    program: Program
    key: CellKey | None
    matches: Sequence[Match]


@dataclass(frozen=True, slots=True)
class Input:
    """An event, with what the index says of it."""

    event: Event
    interests: Sequence[Interest]
    trace: Trace


def read(index: Index, paused: frozenset[str], event: Event) -> Input:
    """Match an event."""
    reached = index.reach(event)
    trace = [
        _traced(found.candidate.automation, found.candidate.path, found.refusal)
        for found in reached
        if found.refusal is not None
    ]
    interests = []
    for automation, group in groupby(matches_of(reached), key=lambda match: match.automation):
        matches = list(group)
        if automation in paused:
            trace += [_traced(automation, match.trigger, Reason.PAUSED) for match in matches]
        else:
            program = index.programs[automation]
            key = None if program.automation.stateless else cell_key(program, matches[0])
            interests.append(Interest(program, key, matches))
    return Input(event, interests, trace)


def _traced(automation: str, path: str, reason: Reason) -> JsonObject:
    return {"automation": automation, "trigger": path, "reason": reason}


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault of ours: an automation could not evaluate an event, or a tick where `event` is None."""

    automation: str
    event: Event | None
    error: Exception


@dataclass(slots=True)
class Batch:
    """`cells` holds the state of every cell that the inputs concern or that may come due meanwhile; one that it
    has not does not exist. `changed` and what follows are what came of it.
    """

    programs: Mapping[str, Program]
    bounds: StateBounds
    cells: dict[CellKey, JsonObject | None]
    timers: list[tuple[int, CellKey]]
    changed: dict[CellKey, Kept] = field(default_factory=dict)
    firings: list[Found] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def __post_init__(self) -> None:
        heapify(self.timers)

    def take(self, given: Input, *, others: bool = True) -> None:
        """Evaluate an event: its `received` is a tick for all cells, and its own cells see it. Without `others`
        time passes in its own cells alone: where inputs do not come in order of receipt, it must not overtake.
        """
        event, found = given.event, list[Found]()
        if others and self.timers:
            self._tick_others(event.received, {interest.key for interest in given.interests}, found)
        for interest in given.interests:
            evaluation = self._evaluated(interest, event)
            if evaluation is not None:
                self._keep(interest.key, evaluation)
                found += [(interest.program, firing) for firing in evaluation.firings]
                name = interest.program.automation.name
                given.trace.extend(_traced(name, path, reason) for path, reason in evaluation.reasons.items())
        self.firings += in_order(found)

    def tick(self, now: int, *, downtime: bool = False) -> None:
        """Let time pass in every cell that waits for it."""
        found = list[Found]()
        while self.timers and self.timers[0][0] <= now:
            self._tick(heappop(self.timers), now, found, downtime)
        self.firings += in_order(found)

    def open(self, key: CellKey, now: int) -> None:
        """Open a cell that no event opens, or leave the one that there is, if it is this trigger's."""
        program, state = self.programs[key[0]], self.cells.get(key)
        if state is None or state["trigger"] != program.fingerprint:
            self._keep(key, tick(program, None, now, self.bounds))

    def _tick_others(self, now: int, own: set[CellKey | None], found: list[Found]) -> None:
        """An event's own cells pass their deadlines when they see it."""
        kept = []
        while self.timers and self.timers[0][0] <= now:
            timer = heappop(self.timers)
            if timer[1] in own:
                kept.append(timer)
            else:
                self._tick(timer, now, found, downtime=False)
        for timer in kept:
            heappush(self.timers, timer)

    def _tick(self, timer: tuple[int, CellKey], now: int, found: list[Found], downtime: bool) -> None:
        moment, key = timer
        if key in self.changed and self.changed[key][1] != moment:
            return  # it was evaluated since, and waits for another moment
        program = self.programs.get(key[0])
        if program is None:
            self.changed[key] = (None, None)
            return
        try:
            evaluation = tick(program, self.cells.get(key), now, self.bounds, downtime=downtime)
        except Exception as error:  # noqa: BLE001 - it must not stop its neighbours, nor break for ever
            self.broken.append(Broken(key[0], None, error))
            self.changed[key] = (None, None)
            return
        self._keep(key, evaluation)
        found += [(program, firing) for firing in evaluation.firings]

    def _evaluated(self, interest: Interest, event: Event) -> Evaluation | None:
        state = None if interest.key is None else self.cells.get(interest.key)
        try:
            return evaluate(interest.program, state, event, interest.matches, self.bounds)
        except Exception as error:  # noqa: BLE001 - a rule that breaks must not stop its neighbours
            self.broken.append(Broken(interest.program.automation.name, event, error))
            return None

    def _keep(self, key: CellKey | None, evaluation: Evaluation) -> None:
        if key is None:
            return
        self.cells[key] = evaluation.state
        self.changed[key] = (evaluation.state, evaluation.due)
        if evaluation.due is not None:
            heappush(self.timers, (evaluation.due, key))


def in_order(found: Iterable[Found]) -> Sequence[Found]:
    """One input's firings come in order of time, then automation, then group."""
    return sorted(found, key=lambda pair: (pair[1].at, pair[1].automation, sorted(pair[1].labels.items())))

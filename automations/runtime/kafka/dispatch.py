"""The stage that delivers: from rendered actions to the sinks, and what became of them back into the log."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from automations.model.action import ActionRequest
from automations.model.reason import Reason
from automations.ports import Clock, Dead, Done
from automations.runtime.kafka.claims import Claim, Claims
from automations.runtime.kafka.outbox import Outbox, Outcome
from automations.runtime.kafka.records import (
    ActionRecord,
    DeadLetter,
    Origin,
    Outgoing,
    Read,
    RecordError,
    Result,
    StageName,
)
from automations.runtime.kafka.stage import AT_ONCE, Stage
from automations.runtime.kafka.topics import Topology

log = structlog.get_logger()

_OPEN: Final = 100_000
"""Actions of a partition that may wait for slow sinks before the others wait, too."""

Settlements = Callable[[], AsyncIterable[Sequence[Read]]]


@dataclass(frozen=True, slots=True)
class Delivering:
    """What all partitions of a worker deliver by. `routes` lead from actions to sinks, as the settings say;
    `claims` are those of the sinks whose deliveries are runs of this worker.
    """

    outbox: Outbox
    claims: Mapping[str, Claims]
    routes: Mapping[str, str]
    under_way: Callable[[], frozenset[str]]


class DispatchStage(Stage):
    """Works on a partition of actions. The position is that of the oldest action that is not settled: whoever
    takes over begins there, and passes over what the log says is settled.

    Invariant: an action that was read is before the position, or settled in the log, or open here.
    """

    name: StageName = "dispatch"

    def __init__(
        self, topology: Topology, partition: int, settlements: Settlements, by: Delivering, clock: Clock
    ) -> None:
        self._topology, self._partition, self._by, self._clock = topology, partition, by, clock
        self._settlements = settlements
        self._settled: set[bytes] = set()
        self._open: dict[str, int] = {}
        self._outcomes: list[Outcome] = []
        self._claimed: list[tuple[Claims, Sequence[str]]] = []

    @property
    def room(self) -> int:
        """None while a slow sink has too many of this partition open."""
        return min(AT_ONCE, _OPEN - len(self._open))

    async def restore(self) -> None:
        """Read which actions are settled."""
        async for records in self._settlements():
            self._settled.update(_compact(record.key or b"") for record in records)
        log.info("settled_restored", partition=self._partition, actions=len(self._settled))

    def position(self, read: int) -> int:
        """The offset of the oldest action that is open."""
        return next(iter(self._open.values()), read)

    # --- the partition asks --------------------------------------------------------------------------------

    async def process(self, records: Sequence[Read]) -> Sequence[Outgoing]:
        """Have new actions delivered; returns what has become of them, and of earlier ones."""
        outgoing, actions = self._taken(records)
        for sink, given in self._by_sink(actions).items():
            if sink is None:
                self._outcomes += [Outcome(a, Dead(Reason.NO_SINK, _no_sink(a))) for a in given]
            elif claims := self._by.claims.get(sink):
                outgoing += self._claim(claims, await claims.keep(given))
            else:
                await self._by.outbox.take(given, sink, self._outcomes.append)
        return outgoing + self._told()

    async def committed(self) -> None:
        """Make the runs whose claims are in the log now."""
        claimed, self._claimed = self._claimed, []
        for claims, actions in claimed:
            await claims.fulfil(actions)

    async def leave(self) -> Sequence[Outgoing]:
        """What is open is somebody else's; what has been settled is told."""
        await self._by.outbox.give_back(list(self._open), self._by.under_way)
        return self._told()

    # --- in -------------------------------------------------------------------------------------------------

    def _taken(self, records: Sequence[Read]) -> tuple[list[Outgoing], list[ActionRequest]]:
        """Read what is new; what is no record of ours is a dead letter."""
        dead: list[Outgoing] = []
        actions: list[ActionRequest] = []
        for record in records:
            try:
                action = ActionRecord.read(record).action
            except RecordError as error:
                letter = DeadLetter.of(record, error.code, error.message, self.name, "")
                dead.append(letter.to(self._topology.dead_letters))
                continue
            if action.id not in self._open and _compact(action.id.encode()) not in self._settled:
                self._open[action.id] = record.offset
                actions.append(action)
        return dead, actions

    def _by_sink(self, actions: Sequence[ActionRequest]) -> Mapping[str | None, Sequence[ActionRequest]]:
        found: dict[str | None, list[ActionRequest]] = {}
        for action in actions:
            found.setdefault(action.sink_in(self._by.routes), []).append(action)
        return found

    def _claim(self, claims: Claims, kept: Sequence[Claim | Outcome]) -> Iterator[Outgoing]:
        self._claimed.append((claims, [each.outcome.action.id for each in kept if isinstance(each, Claim)]))
        for each in kept:
            if isinstance(each, Claim):
                yield from self._settle(each.outcome, each.token)
            else:
                yield from self._settle(each)

    # --- out ------------------------------------------------------------------------------------------------

    def _told(self) -> list[Outgoing]:
        """What has been settled since the last time. The outbox holds on to the list."""
        outcomes = self._outcomes[:]
        self._outcomes.clear()
        return [record for outcome in outcomes for record in self._settle(outcome)]

    def _settle(self, outcome: Outcome, claim: str = "") -> Iterator[Outgoing]:
        """The records of an outcome: its result, for whoever reads results and for whoever comes after us, and the
        dead letter.
        """
        action = outcome.action
        result = _result(outcome, claim, self._clock.now())
        settled = result.to(self._topology.dispatched)
        yield Outgoing(settled.topic, settled.key, settled.value, settled.headers, self._partition)
        yield result.to(self._topology.results)
        offset = self._open.pop(action.id)
        self._settled.add(_compact(action.id.encode()))
        if isinstance(outcome.delivery, Dead):
            origin = Origin(self._topology.actions, self._partition, offset)
            yield _letter(action, outcome.delivery, origin).to(self._topology.dead_letters)


def _compact(action: bytes) -> bytes:
    """An id as it is remembered: half the size, as ids are hexadecimal; any other one as it is."""
    try:
        return bytes.fromhex(action.decode())
    except ValueError:
        return action


def _result(outcome: Outcome, claim: str, now: int) -> Result:
    action, delivery = outcome.action, outcome.delivery
    return Result(
        action=action.id,
        firing=action.firing,
        automation=action.automation,
        sink=outcome.sink,
        state="delivered" if isinstance(delivery, Done) else "dead",
        at=now,
        attempts=outcome.attempts,
        reference=delivery.reference if isinstance(delivery, Done) else "",
        code=str(delivery.code) if isinstance(delivery, Dead) else "",
        reason=delivery.reason if isinstance(delivery, Dead) else "",
        claim=claim,
    )


def _letter(action: ActionRequest, dead: Dead, origin: Origin) -> DeadLetter:
    """With the action's own record, so that it can be sent again."""
    record = ActionRecord(action).to(origin.topic)
    return DeadLetter(
        str(dead.code), dead.reason, "dispatch", "", record.key, record.value, record.headers, origin
    )


def _no_sink(action: ActionRequest) -> str:
    return f"no sink of this worker carries out {action.type!r}; declare one under [sinks.NAME], then redrive"

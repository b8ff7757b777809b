"""Runs that a worker takes upon itself: each made once, though two logs have to agree on it.

First the run is kept in the worker's store, with a claim; then the claim is committed to the log, with the
position behind the action; then the run is made. A worker that died in between reads in the log which of the runs
that it kept are its own: the claim tells them from those that another worker has taken since.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import structlog

from automations.errors import AutomationsError, ConflictError, JobVariableErrors, NotFoundError, PrepareError
from automations.model.action import ActionRequest
from automations.model.job import RunSpec
from automations.ports import ActionRow, Clock, Dead, Done, Sink, Store, Transaction
from automations.runtime.kafka.outbox import Outcome
from automations.runtime.kafka.records import Read, Result

log = structlog.get_logger()

_EVER: Final = 2**63 - 1
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that was kept; `token` tells this claim from any other one of the same action."""

    outcome: Outcome
    token: str


class Claims:
    """`sink` is one whose deliveries are runs of this worker's own; `add_run` stores a run, `wake` starts it."""

    def __init__(
        self,
        store: Store,
        name: str,
        sink: Sink,
        clock: Clock,
        add_run: Callable[[Transaction, RunSpec], object],
        wake: Callable[[], None],
    ) -> None:
        self.name = name
        self._store, self._sink, self._clock = store, sink, clock
        self._add_run, self._wake = add_run, wake

    async def keep(self, actions: Sequence[ActionRequest]) -> Sequence[Outcome | Claim]:
        """Keep the runs of actions; those that can have none are told as dead."""
        prepared = [(action, await self._prepared(action)) for action in actions]
        runs = [(action, run) for action, run in prepared if isinstance(run, RunSpec)]
        token = uuid4().hex
        await self._store.write(lambda tx: self._keep(tx, runs, token))
        dead = [Outcome(action, why, self.name) for action, why in prepared if isinstance(why, Dead)]
        return [*(Claim(Outcome(action, Done(run.id), self.name), token) for action, run in runs), *dead]

    def _keep(self, tx: Transaction, runs: Sequence[tuple[ActionRequest, RunSpec]], token: str) -> None:
        tx.add_actions([(action, self.name) for action, _ in runs], self._clock.now())
        for action, run in runs:
            with suppress(ConflictError):  # its run was made here, before the log forgot that
                tx.store_prepared(action.id, {"claim": token, "run": run.to_dict()})

    async def fulfil(self, actions: Sequence[str]) -> None:
        """Make the runs of claims that stand in the log."""
        made = await self._store.write(lambda tx: self._fulfil(tx, frozenset(actions)))
        if made < len(actions):  # unless they were made before the log forgot that, they are lost
            log.error("claims_without_run", claims=len(actions), runs=made)
        self._wake()

    async def recover(self, settled: Callable[[], AsyncIterable[Sequence[Read]]]) -> None:
        """Make the runs that an earlier life claimed, forget those that it did not. `settled` reads the log."""
        kept = await self._store.write(self._kept)
        if not kept:
            return
        tokens = {row.id: (row.prepared or {}).get("claim") for row in kept}
        claimed: dict[str, str] = {}
        async for records in settled():
            claimed |= {result.action: result.claim for result in map(Result.read, records)}
        ours = [action for action, token in tokens.items() if claimed.get(action) == token]
        await self.fulfil(ours)
        await self._store.write(lambda tx: tx.forget_actions(list(tokens.keys() - set(ours))))
        log.info("claims_recovered", made=len(ours), forgotten=len(tokens) - len(ours))

    def _kept(self, tx: Transaction) -> Sequence[ActionRow]:
        return tx.due_actions(self.name, _EVER, _ALL, ())

    def _fulfil(self, tx: Transaction, actions: Collection[str]) -> int:
        now = self._clock.now()
        rows = [row for row in self._kept(tx) if row.id in actions]
        for row in rows:
            run = RunSpec.from_dict((row.prepared or {})["run"])
            tx.action_delivered(row.id, run.id, now)
            self._add_run(tx, run)
        return len(rows)

    async def _prepared(self, action: ActionRequest) -> RunSpec | Dead:
        try:
            delivery = await self._sink.deliver(await self._sink.prepare(action))
        except (PrepareError, JobVariableErrors, NotFoundError) as error:
            return Dead(error.code, _explain(error))
        if not isinstance(delivery, Done) or delivery.run is None:
            raise AutomationsError(f"the sink {self.name!r} answered {delivery!r} where a run was due")
        return delivery.run


def _explain(error: AutomationsError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message

"""Actions of a worker on their way to sinks that know them by their id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from automations.model.action import ActionRequest
from automations.ports import ActionRow, Clock, Dead, Delivery, Done, Store, Transaction

_LAST: Final = 3.0
"""Seconds that deliveries under way have to end when their partition goes elsewhere."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action at `sink`, after so many attempts."""

    action: ActionRequest
    delivery: Done | Dead
    sink: str = ""
    attempts: int = 1


Settle = Callable[[Outcome], None]


class Outbox:
    """The worker's store as a working copy: the truth about an action stands in the log. What an earlier life left
    here is forgotten, and comes from the log again, here or elsewhere.
    """

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called when something is to be delivered."""
        self._store, self._clock, self._wake = store, clock, wake
        self._waiting: dict[str, Settle] = {}
        self._changed = asyncio.Event()

    async def forget(self, sinks: Collection[str]) -> None:
        """Forget what an earlier life left for these sinks."""
        await self._store.write(lambda tx: tx.forget_actions_of(sinks))

    async def take(self, actions: Sequence[ActionRequest], sink: str, settle: Settle) -> None:
        """Have actions delivered; `settle` is called with each outcome, once that is durable here."""
        now = self._clock.now()
        self._waiting.update((action.id, settle) for action in actions)

        def plan(tx: Transaction) -> Sequence[ActionRow]:
            tx.add_actions([(action, sink) for action in actions], now)
            return tx.settled_actions([action.id for action in actions])

        for row in await self._store.write(plan):  # by an earlier life, which did not come to tell it
            self.settled(
                row, Dead(row.code or "", row.error or "") if row.state == "dead" else Done(row.reference or "")
            )
        self._wake()

    async def give_back(self, actions: Sequence[str], under_way: Callable[[], Collection[str]]) -> None:
        """Deliver these no more: they are somebody else's. Those that are under way may end."""
        started = set(under_way())
        await self._forget([action for action in actions if action not in started])
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                while self._waiting.keys() & started:
                    self._changed.clear()
                    await self._changed.wait()
        await self._forget(actions)

    def settled(self, action: ActionRow, delivery: Delivery) -> None:
        """What the dispatcher tells."""
        settle = self._waiting.pop(action.id, None)
        self._changed.set()
        if settle is not None and action.request is not None and isinstance(delivery, Done | Dead):
            settle(Outcome(action.request, delivery, action.sink, action.attempts + 1))

    async def _forget(self, actions: Sequence[str]) -> None:
        def forget(tx: Transaction) -> None:
            tx.forget_actions(actions)

        await self._store.write(forget)
        for action in actions:
            self._waiting.pop(action, None)

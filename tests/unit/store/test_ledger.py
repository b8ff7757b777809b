"""The ledger against a slow model, through any sequence of operations, some of which fail."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from unit.store.samples import NOW, ManualClock, action, add, event, failed

from automations.errors import AutomationsError
from automations.model.firing import Firing
from automations.model.reason import Reason
from automations.ports import Transaction
from automations.store import SqliteStore

NAMES = st.sampled_from("abcdefgh")
Operation = Callable[[Transaction], Any]


class Undone(Exception):
    """What a failing operation raises."""


class LedgerMachine(RuleBasedStateMachine):
    """The model: every event, firing and action that a committed operation made, in plain sets."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.store = self.open()
        self.events: set[str] = set()
        self.duplicates = 0
        self.firings: dict[str, bool] = {}
        self.actions: dict[str, str] = {}
        self.open_letters: set[str] = set()

    def open(self) -> SqliteStore:
        return SqliteStore.open(self.directory / "a.db", clock=ManualClock())

    def write(self, *operations: Operation) -> list[Any]:
        async def group() -> list[Any]:
            return await asyncio.gather(*map(self.store.write, operations), return_exceptions=True)

        return self.loop.run_until_complete(group())

    def settle(self, identity: str, state: str, operation: Operation) -> None:
        (result,) = self.write(operation)
        if self.actions.get(identity) == "pending":
            assert result is None
            self.actions[identity] = state
            if state == "dead":
                self.open_letters.add(identity)
        else:
            assert isinstance(result, AutomationsError)

    @rule(names=st.sets(NAMES, min_size=1))
    def accept(self, names: set[str]) -> None:
        def take(tx: Transaction) -> None:
            known = {identity for _, identity in tx.known_events([("test", name) for name in sorted(names)])}
            assert known == names & self.events
            add(*(event(name) for name in sorted(names - known)))(tx)
            tx.count_duplicates(len(known))

        self.write(take)
        self.duplicates += len(names & self.events)
        self.events |= names

    @rule(names=st.lists(NAMES, min_size=1, max_size=4), throttled=st.booleans())
    def fire(self, names: list[str], throttled: bool) -> None:
        reason = Reason.THROTTLED if throttled else Reason.FIRED
        firings = [Firing(name, "rule", "fire", NOW, reason=reason) for name in names]
        (new,) = self.write(lambda tx: tx.add_firings(firings, NOW))
        assert new == set(names) - set(self.firings)
        self.firings |= dict.fromkeys(new, throttled)

    @rule(good=st.sets(NAMES), bad=st.sets(NAMES))
    def plan(self, good: set[str], bad: set[str]) -> None:
        planned = [(action(n), "s") for n in sorted(good)] + [(failed(n), "s") for n in sorted(bad)]
        self.write(lambda tx: tx.add_actions(planned, NOW))
        for name in sorted(good | bad):
            if name in self.actions:
                continue
            # of two actions of one id in one call, the later one is kept
            self.actions[name] = "dead" if name in bad else "pending"
            self.open_letters |= {name} & bad

    @rule(name=NAMES)
    def deliver(self, name: str) -> None:
        self.settle(name, "delivered", lambda tx: tx.action_delivered(name, "ok", NOW))

    @rule(name=NAMES)
    def retry(self, name: str) -> None:
        self.settle(name, "pending", lambda tx: tx.action_retry(name, "busy", NOW + 1))

    @rule(name=NAMES)
    def die(self, name: str) -> None:
        self.settle(name, "dead", lambda tx: tx.action_dead(name, "rejected", "400", NOW))

    @rule(name=NAMES, new=NAMES, discard=st.booleans())
    def close_letter(self, name: str, new: str, discard: bool) -> None:
        def operation(tx: Transaction) -> None:
            if discard:
                tx.discard(name)
            else:
                tx.redrive(name, action(new), "s", NOW)

        (result,) = self.write(operation)
        assert (result is None) == (name in self.open_letters and (discard or new not in self.actions))
        if result is None:
            self.open_letters.remove(name)
            if not discard:
                self.actions[new] = "pending"

    @rule(name=NAMES)
    def fail_between_neighbours(self, name: str) -> None:
        def fails(tx: Transaction) -> None:
            add(event("x" + name))(tx)
            tx.count_duplicates(5)
            tx.add_firings([Firing("x" + name, "rule", "fire", NOW)], NOW)
            tx.add_actions([(action("x" + name), "s"), (failed("y" + name), "s")], NOW)
            raise Undone

        def count(tx: Transaction) -> None:
            tx.count_duplicates(1)

        results = self.write(count, fails, count)
        assert [type(result) for result in results] == [type(None), Undone, type(None)]
        self.duplicates += 2

    @rule()
    def reopen(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.store = self.open()

    @invariant()
    def it_adds_up(self) -> None:
        ledger = self.loop.run_until_complete(self.store.reads.ledger())
        states = list(self.actions.values())
        pending = ledger.planned - ledger.delivered - ledger.dead
        assert (ledger.accepted, ledger.processed) == (len(self.events), len(self.events))
        assert ledger.duplicates == self.duplicates
        assert (ledger.suppressed, ledger.fired + ledger.suppressed) == (
            sum(self.firings.values()),
            len(self.firings),
        )
        assert (ledger.delivered, ledger.dead, pending) == (
            states.count("delivered"),
            states.count("dead"),
            states.count("pending"),
        )
        waiting = [orjson.dumps(action(n).to_dict()) for n, state in self.actions.items() if state == "pending"]
        assert ledger.backlog_bytes == sum(map(len, waiting))

    def teardown(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.close()
        shutil.rmtree(self.directory)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)

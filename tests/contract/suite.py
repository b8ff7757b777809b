"""What every sink promises. A plug-in proves itself with a subclass of `SinkContract` that gives a `harness`:

class TestMySink(SinkContract):
    @pytest.fixture
    async def harness(self): yield MyHarness()
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

import orjson
import pytest

from automations.errors import JobVariableErrors, NotFoundError, PrepareError
from automations.model.action import ActionRequest
from automations.ports import Dead, Done, Retry, Sink


class Harness(Protocol):
    """A sink in front of a real peer. `faults` are the ways in which its peer can be told to fail."""

    sink: Sink
    good: ActionRequest
    bad: ActionRequest
    faults: frozenset[str]

    def fail(self, fault: str) -> None:
        """Make the peer fail from now on: busy (429 with Retry-After: 7), error (500), reset, silence (no answer
        within the request's own timeout), reject (400).
        """

    async def effects(self) -> list[str]:
        """Return the key of each effect that the deliveries have had so far."""


def fail(harness: Harness, fault: str) -> None:
    """Make the peer fail; a sink without a peer has nothing to show here."""
    if fault not in harness.faults:
        pytest.skip(f"this sink has no peer that could answer with {fault!r}")
    harness.fail(fault)


class SinkContract:
    async def test_it_names_the_actions_that_it_carries_out(self, harness: Harness) -> None:
        assert harness.good.type in harness.sink.action_types
        assert isinstance(harness.sink.local, bool)

    async def test_what_is_prepared_is_plain_json_and_the_same_each_time(self, harness: Harness) -> None:
        first, second = [await harness.sink.prepare(harness.good) for _ in range(2)]
        assert orjson.loads(orjson.dumps(first)) == orjson.loads(orjson.dumps(second))

    async def test_preparing_has_no_effect(self, harness: Harness) -> None:
        await harness.sink.prepare(harness.good)
        assert await harness.effects() == []

    async def test_what_can_never_be_carried_out_is_refused_when_it_is_prepared(self, harness: Harness) -> None:
        with pytest.raises((PrepareError, JobVariableErrors, NotFoundError)) as caught:
            await harness.sink.prepare(harness.bad)
        assert caught.value.message

    async def test_a_prepared_request_can_be_delivered_after_it_was_stored(self, harness: Harness) -> None:
        prepared = orjson.loads(orjson.dumps(await harness.sink.prepare(harness.good)))
        assert isinstance(await harness.sink.deliver(prepared), Done)

    async def test_two_deliveries_of_one_request_carry_one_key(self, harness: Harness) -> None:
        prepared = await harness.sink.prepare(harness.good)
        outcomes = [await harness.sink.deliver(prepared) for _ in range(2)]
        assert all(isinstance(outcome, Done) for outcome in outcomes)
        assert {*await harness.effects(), *[o.run.id for o in outcomes if isinstance(o, Done) and o.run]} == {
            harness.good.id
        }

    async def test_two_deliveries_at_once_carry_one_key(self, harness: Harness) -> None:
        prepared = await harness.sink.prepare(harness.good)
        outcomes = await asyncio.gather(*(harness.sink.deliver(prepared) for _ in range(2)))
        runs = {outcome.run.id for outcome in outcomes if isinstance(outcome, Done) and outcome.run}
        assert {*await harness.effects(), *runs} == {harness.good.id}

    async def test_another_request_has_another_key(self, harness: Harness) -> None:
        for identity in ("1" * 32, "2" * 32):
            outcome = await harness.sink.deliver(await harness.sink.prepare(replace(harness.good, id=identity)))
            assert isinstance(outcome, Done)
            assert identity in {*await harness.effects(), outcome.run.id if outcome.run else ""}

    @pytest.mark.parametrize("fault", ["error", "reset", "silence", "busy"])
    async def test_what_may_pass_is_tried_again_later(self, harness: Harness, fault: str) -> None:
        prepared = await harness.sink.prepare(harness.good)
        fail(harness, fault)
        outcome = await harness.sink.deliver(prepared)
        assert isinstance(outcome, Retry)
        assert outcome.reason
        assert outcome.after == (7_000_000 if fault == "busy" else None)

    async def test_what_the_peer_rejects_is_dead_with_its_reason(self, harness: Harness) -> None:
        prepared = await harness.sink.prepare(harness.good)
        fail(harness, "reject")
        outcome = await harness.sink.deliver(prepared)
        assert isinstance(outcome, Dead)
        assert outcome.code
        assert outcome.reason

"""The sink of our own objects, in front of the real engine on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automations.deploy import ReloadableJobs
from automations.errors import PrepareError
from automations.ingest import Limits
from automations.model.action import ActionRequest
from automations.model.automation import Automation
from automations.model.job import Deployment, JobFile, Run, RunSpec, RunState, WorkPool
from automations.model.ruleset import RuleSet
from automations.ports import Dead, Delivery, Done
from automations.runtime.embedded import Bounds, EmbeddedEngine
from automations.sinks.own import OwnSink
from automations.store import SqliteStore

EVENT = {"event": "order.settled", "resource": {"id": "order.1"}, "related": [], "payload": {"n": 1}}
RULE = {"name": "repair", "trigger": {"expect": "order.settled"}, "actions": [{"type": "do-nothing"}]}


class StillClock:
    def now(self) -> int:
        return 1_700_000_000_000_000


def request(action_type: str, body: dict[str, Any], **fields: Any) -> ActionRequest:
    asked = ActionRequest("a" * 32, "f" * 32, "rule", action_type, "actions", 0, body, cause="api/1", hops=3)
    return replace(asked, **fields)


def about(identity: str, system: str = "automations") -> dict[str, Any]:
    return {"inferred": {"system": system, "id": identity, "name": identity}}


class Own:
    """The sink and the engine that it acts on."""

    def __init__(self, store: SqliteStore, bounds: Bounds | None = None) -> None:
        deployments = [Deployment(flow, "daily", "flows.py:f", "local", "/srv") for flow in ("load", "report")]
        jobs = ReloadableJobs(JobFile(deployments, [WorkPool("local")]))
        self.store, self.jobs = store, jobs
        self.engine = EmbeddedEngine(store, jobs, StillClock(), sink_of={"do-nothing": "s"}, bounds=bounds)
        self.sink = OwnSink(StillClock(), Limits(event_bytes=2048))
        self.sink.connect(self.engine)

    async def carry_out(self, asked: ActionRequest) -> Delivery:
        return await self.sink.deliver(await self.sink.prepare(asked))

    async def refusal(self, asked: ActionRequest) -> PrepareError:
        with pytest.raises(PrepareError) as caught:
            await self.sink.prepare(asked)
        return caught.value

    async def add_run(self, identity: str, name: str) -> None:
        spec = RunSpec(identity, name, "load/daily", "local", {}, {}, {}, {}, "flows.py:f", "/srv")
        await self.store.write(lambda tx: tx.add_run(spec, StillClock().now()))

    async def run(self, identity: str) -> Run:
        return await self.store.reads.run(identity)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "a.db", clock=StillClock())
    yield opened
    await opened.close()


@pytest.fixture
async def own(store: SqliteStore) -> Own:
    found = Own(store)
    await found.engine.start(RuleSet((Automation.model_validate(RULE),)))
    return found


# --- events ------------------------------------------------------------------------------------------------------


async def test_an_emitted_event_is_ours_and_tells_what_it_follows(own: Own) -> None:
    assert await own.carry_out(request("emit-event", EVENT)) == Done(f"automations/{'a' * 32}")
    event = await own.store.reads.event("a" * 32)
    assert (event.source, event.id, event.follows, event.hops) == ("automations", "a" * 32, "api/1", 4)
    assert (event.name, event.resource, event.payload) == (
        "order.settled",
        {"prefect.resource.id": "order.1"},
        {"n": 1},
    )


async def test_what_is_delivered_again_is_a_duplicate_and_fires_nothing(own: Own) -> None:
    prepared = await own.sink.prepare(request("emit-event", EVENT))
    assert await own.sink.deliver(prepared) == await own.sink.deliver(prepared)
    ledger = await own.store.reads.ledger()
    assert (ledger.accepted, ledger.duplicates, ledger.fired) == (1, 1, 1)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"event": ""}, "bad-value", "'event' has 1 to 1024 characters, not 0"),
        ({"event": "x" * 1025}, "bad-value", "not 1025"),
        ({"resource": {"id": ""}}, "bad-label", "'resource' needs 'prefect.resource.id', not empty"),
        ({"related": [{"id": "a", "role": ""}]}, "bad-label", r"'related[0]' needs 'prefect.resource.role'"),
        ({"payload": [1]}, "wrong-type", "'payload' is an object, not a list"),
        ({"payload": {"a": "x" * 4096}}, "too-large", "more than 2048"),
        ({"payload": nested(40)}, "too-deep", "deeper than 32 levels"),
    ],
)
async def test_an_event_that_the_door_would_refuse_is_not_emitted(
    own: Own, change: dict[str, Any], code: str, said: str
) -> None:
    refused = await own.refusal(request("emit-event", {**EVENT, **change}))
    assert refused.code == code
    assert said in refused.message


async def test_a_full_outbox_does_not_hold_back_the_events_that_empty_it(store: SqliteStore) -> None:
    own = Own(store, Bounds(actions=0))
    await own.engine.start(RuleSet())
    own.engine.pending_actions = 1
    assert isinstance(await own.carry_out(request("emit-event", EVENT)), Done)


# --- pauses ------------------------------------------------------------------------------------------------------

PAUSES = [
    ("automation", {"automation": "repair"}, "repair"),
    ("automation", about("repair"), "repair"),
    ("deployment", {"deployment": "load/daily"}, "load/daily"),
    ("deployment", about("load/daily"), "load/daily"),
    ("work-pool", {"work_pool": "local"}, "local"),
    ("work-pool", about("local"), "local"),
]


@pytest.mark.parametrize(("kind", "body", "name"), PAUSES)
async def test_a_pause_is_durable_and_a_resumption_too(own: Own, kind: Any, body: Any, name: str) -> None:
    for verb, paused in (("pause", True), ("pause", True), ("resume", False), ("resume", False)):
        assert await own.carry_out(request(f"{verb}-{kind}", body)) == Done(f"{kind} {name}")
        assert (await own.store.reads.pauses())[kind, name] is paused


@pytest.mark.parametrize(
    ("action_type", "body", "code", "hint"),
    [
        ("pause-automation", {"automation": "repiar"}, "not-found", "did you mean 'repair'?"),
        ("pause-deployment", {"deployment": "load/dayly"}, "not-found", "did you mean 'load/daily'?"),
        ("pause-deployment", {"deployment": "daily"}, "ambiguous", "write load/daily, report/daily"),
        ("resume-work-pool", {"work_pool": "locla"}, "not-found", "did you mean 'local'?"),
        ("pause-automation", {"automation_id": "1"}, "refused", "to a Prefect sink"),
        ("pause-deployment", about("1", "prefect"), "refused", "to a Prefect sink"),
        ("cancel-flow-run", about("1", "prefect"), "refused", "to a Prefect sink"),
    ],
)
async def test_an_object_that_is_not_here_is_refused_with_a_hint(
    own: Own, action_type: str, body: dict[str, Any], code: str, hint: str
) -> None:
    refused = await own.refusal(request(action_type, body))
    assert refused.code == code
    assert hint in str(refused.hint)


async def test_an_object_that_left_before_the_delivery_is_dead(own: Own) -> None:
    prepared = await own.sink.prepare(request("pause-deployment", {"deployment": "load/daily"}))
    own.jobs.replace(JobFile())
    delivery = await own.sink.deliver(prepared)
    assert isinstance(delivery, Dead)
    assert (delivery.code, delivery.reason) == (
        "not-found",
        "there is no deployment 'load/daily'; there is none at all",
    )


# --- runs --------------------------------------------------------------------------------------------------------


async def test_a_run_is_cancelled_and_one_that_has_ended_is_left_as_it_is(own: Own) -> None:
    await own.add_run("1" * 32, "brave-ant")
    cancel = request("cancel-flow-run", about("1" * 32))
    assert await own.carry_out(cancel) == Done("1" * 32)
    assert (await own.run("1" * 32)).state is RunState.CANCELLED
    assert await own.carry_out(cancel) == Done(f"{'1' * 32} had ended")


async def test_a_run_that_is_not_here_is_dead(own: Own) -> None:
    delivery = await own.carry_out(request("cancel-flow-run", about("2" * 32)))
    assert isinstance(delivery, Dead)
    assert delivery.code == "not-found"


async def test_a_name_that_several_runs_have_cancels_none_of_them(own: Own) -> None:
    for identity in ("1" * 32, "2" * 32):
        await own.add_run(identity, "brave-ant")
    delivery = await own.carry_out(request("cancel-flow-run", about("brave-ant")))
    assert isinstance(delivery, Dead)
    assert delivery.code == "ambiguous"
    assert [(await own.run(found * 32)).state for found in "12"] == [RunState.SCHEDULED] * 2

"""Runs that a worker claims: made by whoever's claim is in the log, by nobody else, once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from automations.deploy import FileJobs, check_deployments
from automations.model.action import ActionRequest
from automations.model.job import RunSpec
from automations.ports import Clock, Transaction
from automations.runtime.kafka.claims import Claim, Claims
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.outbox import Outcome
from automations.runtime.kafka.records import Result
from automations.runtime.kafka.topics import Topology, create
from automations.sinks.process import ProcessSink
from automations.store import SqliteStore
from automations.wiring.clock import SystemClock

DEPLOYMENTS = """
work_pools: [{name: local, type: process}]
deployments: [{name: orders/default, entrypoint: "flow.py:main", work_pool: {name: local}}]
"""


class Worker:
    """Keeps, claims and makes runs, on a database that outlives it."""

    def __init__(self, folder: Path, name: str) -> None:
        (folder / "deployments.yaml").write_text(DEPLOYMENTS)
        (folder / "flow.py").write_text("def main(): ...\n")
        jobs = check_deployments(folder / "deployments.yaml", {}).jobs
        assert jobs is not None
        clock = SystemClock()
        self.store = SqliteStore.open(folder / f"{name}.db", clock=clock)
        self.claims = Claims(
            self.store, "process", ProcessSink(FileJobs(jobs), clock), clock, partial(_add, clock), lambda: None
        )

    async def keep(self, *actions: ActionRequest) -> list[Claim]:
        return [kept for kept in await self.claims.keep(actions) if isinstance(kept, Claim)]

    async def runs(self) -> list[str]:
        return sorted(run.spec.id for run in (await self.store.reads.runs(limit=200)).items)

    async def waiting(self) -> int:
        page = await self.store.reads.actions(limit=200, state="pending")
        return len(page.items)


def _add(clock: Clock, tx: Transaction, run: RunSpec) -> bool:
    return tx.add_run(run, clock.now())


@pytest.fixture
async def cluster(kafka: str, topology: Topology) -> Cluster:
    await create(kafka, topology)
    return Cluster(kafka)


def action(identity: str, deployment: str = "orders/default") -> ActionRequest:
    return ActionRequest(
        identity, f"f-{identity}", "runs", "run-deployment", "actions", 0, {"deployment": deployment}
    )


async def commit(cluster: Cluster, topology: Topology, *claims: Claim) -> None:
    """Write claims to the log, as the stage does."""
    async with cluster.producer() as producer:
        for claim in claims:
            action = claim.outcome.action
            result = Result(action.id, action.firing, "runs", "process", "delivered", 1, claim=claim.token)
            record = result.to(topology.dispatched)
            await producer.send_and_wait(record.topic, record.value, record.key, headers=list(record.headers))


async def test_a_claim_that_stands_in_the_log_is_made_by_the_next_life(
    cluster: Cluster, topology: Topology, tmp_path: Path
) -> None:
    before = Worker(tmp_path, "w")
    await commit(cluster, topology, *await before.keep(action("a"), action("b")))
    await before.store.close()
    after = Worker(tmp_path, "w")
    await after.claims.recover(partial(cluster.read_topic, topology.dispatched))
    assert await after.runs() == ["a", "b"]
    await after.claims.recover(partial(cluster.read_topic, topology.dispatched))
    assert (await after.runs(), await after.waiting()) == (["a", "b"], 0)
    await after.store.close()


async def test_a_claim_that_never_came_into_the_log_is_forgotten_and_can_be_made_anew(
    cluster: Cluster, topology: Topology, tmp_path: Path
) -> None:
    worker = Worker(tmp_path, "w")
    await worker.keep(action("a"))
    await worker.claims.recover(partial(cluster.read_topic, topology.dispatched))
    assert (await worker.runs(), await worker.waiting()) == ([], 0)
    (claim,) = await worker.keep(action("a"))
    await worker.claims.fulfil([claim.outcome.action.id])
    assert await worker.runs() == ["a"]
    await worker.store.close()


async def test_of_two_workers_that_kept_a_run_the_one_whose_claim_is_in_the_log_makes_it(
    cluster: Cluster, topology: Topology, tmp_path: Path
) -> None:
    first, second = Worker(tmp_path, "first"), Worker(tmp_path, "second")
    await first.keep(action("a"))
    await commit(cluster, topology, *await second.keep(action("a")))
    for worker in (first, second):
        await worker.claims.recover(partial(cluster.read_topic, topology.dispatched))
    assert (await first.runs(), await second.runs()) == ([], ["a"])
    assert await first.waiting() + await second.waiting() == 0
    await first.store.close()
    await second.store.close()


async def test_a_run_that_cannot_be_is_told_and_not_kept(tmp_path: Path) -> None:
    worker = Worker(tmp_path, "w")
    (outcome,) = await worker.claims.keep([action("a", "orders/nightly")])
    assert isinstance(outcome, Outcome)
    assert outcome.delivery.code == "not-found"  # type: ignore[union-attr]  # it is dead
    assert await worker.waiting() == 0
    await worker.store.close()

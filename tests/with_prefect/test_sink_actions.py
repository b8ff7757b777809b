"""Every action but run-deployment, carried out on the real server; each twice, as a retry would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from with_prefect.sending import Sending, about, action, sending
from with_prefect.server import PrefectServer

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.ports import Done


@pytest.fixture
async def here(prefect: PrefectServer) -> AsyncIterator[Sending]:
    async with sending(prefect) as made:
        yield made


async def twice(here: Sending, request: ActionRequest) -> None:
    prepared = await here.sink.prepare(request)
    for _ in range(2):
        outcome = await here.sink.deliver(prepared)
        assert isinstance(outcome, Done), outcome


@pytest.mark.parametrize("by", ["name", "event"])
async def test_a_deployment_is_paused_and_resumed(here: Sending, by: str) -> None:
    named = {"deployment": here.name} if by == "name" else about("deployment", here.deployment)
    for verb, paused in (("pause", True), ("resume", False)):
        await twice(here, action(f"{verb}-deployment", **named))
        assert here.server.get(f"/deployments/{here.deployment}")["paused"] is paused


async def test_a_work_pool_and_its_queue_are_paused_and_resumed(here: Sending) -> None:
    pool = f"pool-{uuid4().hex[:8]}"
    here.server.work_pool(pool)
    identity = here.server.get(f"/work_pools/{pool}")["id"]
    queue = f"/work_pools/{pool}/queues/default"
    for verb, paused in (("pause", True), ("resume", False)):
        await twice(here, action(f"{verb}-work-pool", work_pool=pool))
        assert here.server.get(f"/work_pools/{pool}")["is_paused"] is paused
        await twice(here, action(f"{verb}-work-queue", work_queue=f"{pool}/default"))
        assert here.server.get(queue)["is_paused"] is paused
    await twice(here, action("pause-work-pool", work_pool_id=identity))
    assert here.server.get(f"/work_pools/{pool}")["is_paused"] is True


async def test_an_automation_of_the_server_is_paused_and_resumed(here: Sending) -> None:
    name = f"rule {uuid4().hex[:8]}"
    trigger = {"type": "event", "expect": ["x"], "posture": "Reactive", "threshold": 1, "within": 0}
    body = {"name": name, "trigger": trigger, "actions": [{"type": "do-nothing"}]}
    identity = here.server.post("/automations/", body)["id"]
    for verb, enabled in (("pause", False), ("resume", True)):
        await twice(here, action(f"{verb}-automation", automation=name))
        assert here.server.get(f"/automations/{identity}")["enabled"] is enabled


def made(here: Sending, state: str) -> str:
    body = {"state": {"type": state, "name": state.title()}}
    identity: str = here.server.post(f"/deployments/{here.deployment}/create_flow_run", body)["id"]
    return identity


def state_of(here: Sending, run: str) -> str:
    found: str = here.server.get(f"/flow_runs/{run}")["state_type"]
    return found


@pytest.mark.parametrize(
    ("kind", "fields", "begins", "ends"),
    [
        ("cancel-flow-run", {}, "RUNNING", {"CANCELLING", "CANCELLED"}),
        ("cancel-flow-run", {}, "SCHEDULED", {"CANCELLED", "CANCELLING"}),
        ("cancel-flow-run", {}, "COMPLETED", {"COMPLETED"}),
        ("suspend-flow-run", {}, "RUNNING", {"PAUSED"}),
        (
            "change-flow-run-state",
            {"state": "FAILED", "name": "Gave up", "message": "no use"},
            "RUNNING",
            {"FAILED"},
        ),
        ("change-flow-run-state", {"state": "CRASHED", "force": True}, "COMPLETED", {"CRASHED"}),
    ],
)
async def test_a_run_is_changed(
    here: Sending, kind: str, fields: dict[str, Any], begins: str, ends: set[str]
) -> None:
    run = made(here, begins)
    await twice(here, action(kind, **fields, **about("flow-run", run)))
    assert state_of(here, run) in ends


async def test_a_suspended_run_is_resumed(here: Sending) -> None:
    run = made(here, "RUNNING")
    await twice(here, action("suspend-flow-run", **about("flow-run", run)))
    await twice(here, action("resume-flow-run", **about("flow-run", run)))
    assert state_of(here, run) == "SCHEDULED"


async def test_a_run_is_deleted(here: Sending) -> None:
    run = made(here, "COMPLETED")
    await twice(here, action("delete-flow-run", **about("flow-run", run)))
    assert here.server.request("GET", f"/flow_runs/{run}")[0] == 404


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("pause-deployment", {"deployment": "no/such"}),
        ("pause-work-pool", {"work_pool_id": str(uuid4())}),
        ("pause-work-queue", {"work_queue": "no/such"}),
        ("pause-automation", {"automation": "no such"}),
        ("cancel-flow-run", about("flow-run", "7", "automations")),
    ],
)
async def test_what_is_not_there_is_refused_before_anything_is_sent(
    here: Sending, kind: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(PrepareError):
        await here.sink.prepare(action(kind, **fields))

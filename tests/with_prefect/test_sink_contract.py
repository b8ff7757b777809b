from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from contract.suite import SinkContract
from with_prefect.faulty import FaultyNetwork
from with_prefect.server import PrefectServer

from automations.model.action import ActionRequest
from automations.ports import Sink
from automations.sinks.prefect import PrefectSettings, PrefectSink


class RealClock:
    def now(self) -> int:
        return time.time_ns() // 1000


class PrefectHarness:
    """A real server, behind a network that can fail."""

    faults = frozenset({"error", "reset", "silence", "busy", "reject"})

    def __init__(self, server: PrefectServer, network: FaultyNetwork) -> None:
        self.server, self.network = server, network
        flow = f"contract-{uuid4().hex[:8]}"
        self.deployment = server.deployment(flow, "nightly", "contract")
        settings = PrefectSettings(api_url=network.url, timeout="1s")  # type: ignore[call-arg]
        self.sink: Sink = PrefectSink(settings, {}, lambda _reference: "", RealClock())
        body = {
            "deployment": f"{flow}/nightly",
            "schedule_after": 0,
            "parameters": {"n": 1},
            "job_variables": {"env.A": "x"},
            "tags": ["t"],
        }
        self.good = ActionRequest(uuid4().hex, "f" * 32, "rule", "run-deployment", "actions", 0, body)
        self.bad = replace(self.good, body={**body, "deployment": f"{flow}/nowhere"})

    def fail(self, fault: str) -> None:
        self.network.fail(fault)

    async def effects(self) -> list[str]:
        return [run["idempotency_key"].partition(":")[0] for run in self.server.runs(self.deployment)]


class TestPrefectSink(SinkContract):
    @pytest.fixture
    async def harness(self, prefect: PrefectServer) -> AsyncIterator[PrefectHarness]:
        network = FaultyNetwork(prefect.url)
        await network.start()
        harness = PrefectHarness(prefect, network)
        yield harness
        await harness.sink.close()
        await network.stop()

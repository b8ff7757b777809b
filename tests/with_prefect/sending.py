"""A Prefect sink before a real server, and what is asked of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from with_prefect.faulty import FaultyNetwork
from with_prefect.server import PrefectServer

from automations.model.action import ActionRequest
from automations.ports import Done
from automations.sinks.prefect import PrefectSettings, PrefectSink

TEMPLATE: dict[str, Any] = {
    "variables": {
        "type": "object",
        "properties": {
            "env": {"type": "object", "additionalProperties": {"type": ["string", "null"]}, "default": {}},
            "image": {"type": "string", "default": "app:1"},
            "cpu": {"type": "integer", "minimum": 1, "default": 1},
            "command": {"type": "string"},
            "region": {"type": "string", "enum": ["eu", "us"]},
        },
    },
    "job_configuration": {
        "env": "{{ env }}",
        "image": "{{ image }}",
        "cpu": "{{ cpu }}",
        "command": "run {{ command }}",
        "region": "{{ region }}",
    },
}
POOL = "typed"


class RealClock:
    def now(self) -> int:
        return time.time_ns() // 1000


class Sending:
    """A sink of its own deployment, `flow/nightly`, in a work pool with the schema above."""

    def __init__(self, server: PrefectServer, network: FaultyNetwork, policy: Mapping[str, Any]) -> None:
        self.server, self.network = server, network
        self.flow = f"flow-{uuid4().hex[:8]}"
        server.work_pool(POOL, TEMPLATE)
        self.deployment = server.deployment(self.flow, "nightly", POOL, job_variables={"env": {"BASE": "1"}})
        self.name = f"{self.flow}/nightly"
        settings = PrefectSettings(api_url=network.url, timeout="10s")  # type: ignore[call-arg, arg-type]
        self.sink = PrefectSink(settings, {self.name: policy}, lambda _reference: "", RealClock())

    def run(self, templates: Mapping[str, str] | None = None, **fields: Any) -> ActionRequest:
        """`templates`: what an event filled, by JSON pointer."""
        named = {} if {"deployment", "deployment_id", "inferred"} & fields.keys() else {"deployment": self.name}
        return action("run-deployment", templates, **named, **fields)

    async def sent(self, request: ActionRequest) -> str:
        """Carry it out; what it led to."""
        outcome = await self.sink.deliver(await self.sink.prepare(request))
        assert isinstance(outcome, Done), outcome
        return outcome.reference

    def made(self) -> list[Any]:
        return self.server.runs(self.deployment)


def action(kind: str, templates: Mapping[str, str] | None = None, **fields: Any) -> ActionRequest:
    return ActionRequest(uuid4().hex, "f" * 32, "rule", kind, "actions", 0, fields, templates or {})


def about(kind: str, identity: str, system: str = "prefect") -> dict[str, Any]:
    """What an event tells of the object it is about."""
    return {"inferred": {"system": system, "id": identity, "name": f"the {kind}"}}


@asynccontextmanager
async def sending(server: PrefectServer, **policy: Any) -> AsyncIterator[Sending]:
    network = FaultyNetwork(server.url)
    await network.start()
    here = Sending(server, network, policy)
    yield here
    await here.sink.close()
    await network.stop()

"""A sink that another package brings: each run of a deployment is a line in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.ports import Delivery, Done, SinkContext


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: Path


class JournalSink:
    action_types = frozenset({"run-deployment"})
    local = False

    def __init__(self, path: Path) -> None:
        self.path = path

    async def prepare(self, request: ActionRequest) -> JsonObject:
        if "deployment" not in request.body:
            raise PrepareError("a journal wants the deployment's name", hint="write 'deployment'")
        return {"id": request.id, "deployment": request.body["deployment"], **request.body["job_variables"]}

    async def deliver(self, prepared: JsonObject) -> Delivery:
        if prepared["id"] not in self.keys():
            with self.path.open("ab") as journal:
                journal.write(orjson.dumps(prepared) + b"\n")
        return Done(prepared["id"])

    def keys(self) -> list[str]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return [orjson.loads(line)["id"] for line in lines]

    async def close(self) -> None:
        pass


def journal_sink(settings: Mapping[str, Any], context: SinkContext) -> JournalSink:
    """The entry point."""
    return JournalSink(Settings.model_validate(settings).path)

"""Deployments of the server, each with its work pool, as `jobs` reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from automations.errors import PrepareError
from automations.jobs import schema_problem
from automations.jobs.placeholders import placeholders
from automations.model.document import JsonObject
from automations.model.job import Deployment, Layer, WorkPool
from automations.model.moment import SECOND
from automations.ports import Clock
from automations.sinks.prefect.client import PrefectApi
from automations.sinks.prefect.lookup import ambiguous, listed, not_found, prefect_id, read

_FRESH: Final = 2 * SECOND
"""How long a deployment counts as read: it, its work pool and their variables can change at any time."""

Policies = Mapping[str, Mapping[str, JsonObject]]
"""`flow/name` → job variable → what an event may fill in (jobs.md section 3)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment to run, by its id, with the work pool whose schema its job variables obey."""

    id: str
    deployment: Deployment
    pool: WorkPool


class Deployments:
    """The deployments of a server, kept for a moment once they are found."""

    def __init__(self, api: PrefectApi, policies: Policies, clock: Clock) -> None:
        self._api, self._policies, self._clock = api, policies, clock
        self._known: dict[tuple[str, bool], tuple[int, asyncio.Task[Target]]] = {}

    async def find(self, name: str, *, by_id: bool = False) -> Target:
        """Find by `flow/name`, by `name` while it is unique, or by id. Those who ask at once share one reading.

        Raises PrepareError `not-found` with a suggestion, `ambiguous`; PrefectUnavailableError.
        """
        now, key = self._clock.now(), (name, by_id)
        self._known = {key: known for key, known in self._known.items() if _is_fresh(*known, now)}
        if key not in self._known:
            self._known[key] = now, asyncio.create_task(self._find(name, by_id))
        return await asyncio.shield(self._known[key][1])

    def forget(self, identity: str) -> None:
        """Forget a deployment that is gone: another may have its name by now."""
        self._known = {key: known for key, known in self._known.items() if not _found(known[1], identity)}

    async def _find(self, name: str, by_id: bool) -> Target:
        return await self._target(await self.read(name, by_id=by_id))

    async def read(self, name: str, *, by_id: bool = False) -> JsonObject:
        """Read a deployment from the server, as `find` finds it."""
        flow, slash, short = name.rpartition("/")
        if by_id:
            found = await read(self._api, "deployments", prefect_id(name, "deployment"))
        elif slash:
            found = await read(self._api, "deployments", "name", flow, short)
        else:
            found = await self._by_short_name(name)
        if found is None:
            raise not_found("deployment", name, [] if by_id else await self._names())
        return found

    async def _by_short_name(self, name: str) -> JsonObject | None:
        found = await listed(self._api, "deployments", deployments={"name": {"any_": [name]}})
        if len(found) > 1:
            flows = await self._flows()
            names = ", ".join(sorted(f"{flows.get(each['flow_id'], '?')}/{name}" for each in found))
            raise ambiguous("deployment", name, f"write {names}")
        return found[0] if found else None

    async def _names(self) -> list[str]:
        """What there is to suggest: every name, alone and with its flow."""
        flows = await self._flows()
        found = await listed(self._api, "deployments")
        return [each["name"] for each in found] + [
            f"{flows.get(each['flow_id'])}/{each['name']}" for each in found
        ]

    async def _flows(self) -> dict[str, str]:
        """The flows that have deployments, id → name."""
        found = await listed(self._api, "flows", flows={"deployment": {"is_null_": False}})
        return {flow["id"]: flow["name"] for flow in found}

    async def _target(self, found: JsonObject) -> Target:
        flow = await read(self._api, "flows", found["flow_id"])
        pool = await self._work_pool(found.get("work_pool_name"))
        if flow is None:
            raise not_found("flow", found["flow_id"])
        name = f"{flow['name']}/{found['name']}"
        return Target(found["id"], _deployment(found, flow["name"], pool, self._policies.get(name, {})), pool)

    async def _work_pool(self, name: str | None) -> WorkPool:
        """Read a work pool. A deployment that is served has none: nothing reads job variables there."""
        if name is None:
            return WorkPool("none", "prefect")
        found = await read(self._api, "work_pools", name)
        if found is None:
            raise not_found("work pool", name)
        template = found.get("base_job_template") or {}
        pool = WorkPool(
            name=name,
            type="prefect",  # the template says everything, and no default of ours may stand in for it
            variables=template.get("variables") or {},
            job_configuration=template.get("job_configuration") or {},
            allow_extra=not template.get("variables"),  # its first worker will say what there is
        )
        problem = schema_problem(pool.variables)
        if problem is not None:
            raise PrepareError(f"the schema of the work pool {name!r} cannot be used: {problem[1]}")
        return pool


def _is_fresh(read_at: int, reading: asyncio.Task[Target], now: int) -> bool:
    """What could not be read is asked for again; a clock that was set back tells nothing."""
    return not _failed(reading) and 0 <= now - read_at < _FRESH


def _failed(reading: asyncio.Task[Target]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)


def _found(reading: asyncio.Task[Target], identity: str) -> bool:
    return reading.done() and not _failed(reading) and reading.result().id == identity


def _deployment(found: JsonObject, flow: str, pool: WorkPool, policy: Mapping[str, JsonObject]) -> Deployment:
    """What `jobs` must know. Job variables that the work pool does not use are left out, as Prefect does."""
    known = {*pool.variables.get("properties", {}), *placeholders(pool.job_configuration)}
    given: JsonObject = found.get("job_variables") or {}
    values = {key: value for key, value in given.items() if pool.allow_extra or key.partition(".")[0] in known}
    return Deployment(
        flow=flow,
        short_name=found["name"],
        entrypoint=found.get("entrypoint") or "",
        work_pool=pool.name,
        directory="",
        job_variables=Layer(values, origin=f"Prefect deployment {flow}/{found['name']}"),
        job_variable_policy=policy,
    )

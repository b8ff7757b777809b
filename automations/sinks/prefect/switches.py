"""Pausing and resuming deployments, work pools, work queues and automations of the server."""

from __future__ import annotations

from typing import Final

from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.sinks.prefect.client import PrefectApi, path
from automations.sinks.prefect.deployments import Deployments
from automations.sinks.prefect.lookup import listed, not_found, only, prefect_id, prefect_object, read

_KINDS: Final = ("deployment", "work-pool", "work-queue", "automation")
ACTIONS: Final = frozenset(f"{verb}-{kind}" for verb in ("pause", "resume") for kind in _KINDS)


async def prepare_switch(request: ActionRequest, api: PrefectApi, deployments: Deployments) -> JsonObject:
    """Find the object and say what is sent; repeating it changes nothing.

    Raises PrepareError `not-found`, `ambiguous`, and for an object that is not on a Prefect server.
    """
    verb, _, kind = request.type.partition("-")
    paused = verb == "pause"
    name, by_id = target_of(request, kind)
    if kind == "deployment":
        identity = (await deployments.read(name, by_id=by_id))["id"]
        return _prepared("POST", path("deployments", identity, f"{verb}_deployment"), None)
    if kind == "work-pool":
        pool = await _work_pool(api, name) if by_id else name
        return _prepared("PATCH", path("work_pools", pool), {"is_paused": paused})
    if kind == "work-queue":
        queue = prefect_id(name, "work queue") if by_id else await _work_queue(api, name)
        return _prepared("PATCH", path("work_queues", queue), {"is_paused": paused})
    automation = prefect_id(name, "automation") if by_id else (await only(api, "automation", name))["id"]
    return _prepared("PATCH", path("automations", automation), {"enabled": not paused})


def target_of(request: ActionRequest, kind: str) -> tuple[str, bool]:
    """Return the name or the id of the object that the action names or the event is about, and whether it is an
    id. PrepareError where the event is about no object of a Prefect server.
    """
    field = kind.replace("-", "_")
    if field in request.body:
        return str(request.body[field]), False
    return str(request.body.get(f"{field}_id") or prefect_object(request)), True


def _prepared(method: str, below: str, body: JsonObject | None) -> JsonObject:
    return {"method": method, "path": below, "body": body}


async def _work_pool(api: PrefectApi, identity: str) -> str:
    """The name of a work pool, by which alone it can be changed."""
    wanted = prefect_id(identity, "work pool")
    found = await listed(api, "work_pools", work_pools={"id": {"any_": [wanted]}})
    if not found:
        raise not_found("work pool", wanted)
    return str(found[0]["name"])


async def _work_queue(api: PrefectApi, name: str) -> str:
    """The id of a work queue: `pool/queue`, or `queue` while one pool alone has it."""
    pool, slash, queue = name.partition("/")
    if not slash:
        return str((await only(api, "work queue", name))["id"])
    found = await read(api, "work_pools", pool, "queues", queue)
    if found is None:
        raise not_found("work queue", name)
    return str(found["id"])

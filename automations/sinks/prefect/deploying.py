"""A deploy to a Prefect server: the entries of a deployment file as its flows, deployments and automations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from automations.errors import AutomationsError, DeployErrors
from automations.jobs import expanded_job_variables
from automations.model.document import JsonObject
from automations.model.moment import SECOND, format_moment, parse_duration
from automations.sinks.prefect.client import Answer, PrefectApi, ReadSecret, path
from automations.sinks.prefect.settings import PrefectSettings
from automations.sinks.prefect.triggers import prefect_automation

_STEPS: Final = "prefect.deployments.steps"
_COPIED: Final = ("entrypoint", "description", "tags", "version", "parameters", "paused")


class PrefectDeploy:
    """One deploy. Doing it again changes what is other and leaves the rest. All raise PrefectUnavailableError."""

    def __init__(self, settings: PrefectSettings, secret: ReadSecret) -> None:
        self._api = PrefectApi(settings, secret)
        self._url = settings.api_url

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def work_pools(self) -> list[str]:
        """Return the names of the server's work pools."""
        return [pool["name"] for pool in await self._read("POST", path("work_pools", "filter"), {"limit": 200})]

    async def put_work_pool(self, name: str, document: JsonObject) -> bool:
        """Make or change a work pool; True when it was made. DeployErrors."""
        template = document.get("base_job_template") or {}
        body = {
            "description": document.get("description", ""),
            "concurrency_limit": document.get("concurrency_limit"),
            **({"base_job_template": template} if any(template.values()) else {}),
        }
        if await self._known(path("work_pools", name)) is not None:
            await self._read("PATCH", path("work_pools", name), body)
            return False
        await self._read("POST", "/work_pools/", {**body, "name": name, "type": document.get("type", "process")})
        return True

    async def deploy(self, name: str, document: JsonObject) -> tuple[bool, list[str], list[str]]:
        """Deploy `flow/name`: was it made, which keys changed, what is to be warned of. DeployErrors."""
        flow, _, short = name.partition("/")
        body = {**_deployment(document), "name": short}
        automations, warnings = _automations(name, document)
        before = await self._known(path("deployments", "name", flow, short))
        flow_id = (await self._read("POST", "/flows/", {"name": flow}))["id"]
        made = await self._read("POST", "/deployments/", {**body, "flow_id": flow_id})
        await self._replace_automations(made["id"], automations)
        changed = [] if before is None else [key for key in body if _seen(before, key) != _seen(made, key)]
        return before is None, changed, warnings

    async def _replace_automations(self, deployment: str, automations: list[JsonObject]) -> None:
        """As Prefect's own deploy does: those that the deployment owns are made anew."""
        owner = f"prefect.deployment.{deployment}"
        await self._read("DELETE", path("automations", "owned-by", owner), None)
        for automation in automations:
            run = {**automation["actions"][0], "source": "selected", "deployment_id": deployment}
            body = {**automation, "actions": [run], "owner_resource": owner}
            await self._read("POST", "/automations/", body)

    async def _known(self, below: str) -> Any:
        answer = await self._api.call("GET", below)
        return None if answer.status == 404 else self._body(answer)

    async def _read(self, method: str, below: str, body: JsonObject | None) -> Any:
        return self._body(await self._api.call(method, below, body))

    def _body(self, answer: Answer) -> Any:
        if not answer.accepted:
            raise DeployErrors([f"{self._url}: {answer.reason}"])
        return answer.body


def _deployment(document: JsonObject) -> JsonObject:
    pool = document.get("work_pool") or {}
    return {
        **{key: document[key] for key in _COPIED if document.get(key) is not None},
        "work_pool_name": pool.get("name", "default"),
        "work_queue_name": pool.get("work_queue_name"),
        "job_variables": expanded_job_variables(pool.get("job_variables") or {}),
        "pull_steps": list(_pull_steps(document)),
        "schedules": list(_schedules(document)),
        "parameter_openapi_schema": {"type": "object", "properties": {}},
    }


def _pull_steps(document: JsonObject) -> Iterator[JsonObject]:
    """What the file says, else the folder in which it stands: workers on this machine find the code there."""
    if not document.get("pull"):
        yield {f"{_STEPS}.set_working_directory": {"directory": document["directory"]}}
        return
    for step in document["pull"]:
        ((name, inputs),) = step.items()
        yield {name if name.startswith(_STEPS) else f"{_STEPS}.{name}": _with_secrets(inputs)}


def _with_secrets(inputs: JsonObject) -> JsonObject:
    token = inputs.get("access_token")
    if not isinstance(token, dict):
        return inputs
    if "env" not in token:
        raise DeployErrors(["pull: a Prefect worker reads no 'access_token' from a file; write {env: NAME}"])
    return {**inputs, "access_token": f"{{{{ ${token['env']} }}}}"}


def _schedules(document: JsonObject) -> Iterator[JsonObject]:
    single = document.get("schedule")
    for written in [*([single] if single else []), *(document.get("schedules") or [])]:
        schedule: JsonObject = {"timezone": written.get("timezone", "UTC")}
        if "cron" in written:
            schedule["cron"] = written["cron"]
        else:
            schedule["interval"] = parse_duration(written["interval"]) / SECOND
            schedule["anchor_date"] = written.get("anchor_date") or format_moment(0)
        yield {
            "schedule": schedule,
            "active": written.get("active", True),
            "parameters": written.get("parameters") or {},
            "slug": written.get("slug"),
        }


def _automations(name: str, document: JsonObject) -> tuple[list[JsonObject], list[str]]:
    found, warnings, errors = [], list[str](), list[str]()
    for number, trigger in enumerate(document.get("triggers") or [], 1):
        try:
            automation, said = prefect_automation(f"{name.partition('/')[2]}__automation_{number}", trigger)
            found.append(automation)
            warnings += [f"triggers {number}: {each}" for each in said]
        except AutomationsError as error:
            errors.append(f"triggers {number}: {error.message}")
    if errors:
        raise DeployErrors(errors)
    return found, warnings


def _seen(deployment: JsonObject, key: str) -> Any:
    """A key of a deployment as the server shows it, without what it adds."""
    value = deployment.get(key)
    if key == "schedules":
        said = ("schedule", "active", "parameters", "slug")
        return sorted(repr({name: each[name] for name in said}) for each in value or [])
    return value

"""Deployments, and runs made by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field, RootModel
from starlette.requests import Request

from automations.model.document import Document
from automations.server.body import read_document
from automations.server.guards import caller
from automations.server.openapi import request_body
from automations.server.services import Serving
from automations.server.views import DeployedView, DeploymentView, ListView, RunCreatedView

router = APIRouter(prefix="/api/deployments", tags=["deployments"])


class RunRequest(Document):
    """`idempotency_key`: a second call with it returns the run that the first one made."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    job_variables: dict[str, Any] = Field(default_factory=dict)
    idempotency_key: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class DeployRequest(RootModel[dict[str, Any]]):
    """An entry of a deployment file, with `directory`: the folder on this machine in which the entrypoint stands,
    unless pull steps fetch it. `location` and `origins` say where it is written.
    """


@router.get("", summary="All deployments")
async def list_deployments(services: Serving) -> ListView[DeploymentView]:
    """Return every deployment, by name."""
    return ListView(items=[DeploymentView.of(deployment) for deployment in services.jobs.deployments()])


@router.get("/{name:path}", summary="One deployment")
async def get_deployment(name: str, services: Serving) -> DeploymentView:
    """Find by `flow/name`, or by the name alone while it is unique."""
    return DeploymentView.of(services.jobs.deployment(name))


@router.put(
    "/{name:path}",
    summary="Deploy",
    status_code=201,
    openapi_extra=request_body(DeployRequest),
    responses={200: {"model": DeployedView, "description": "There was one of this name"}},
)
async def deploy(name: str, request: Request, response: Response, services: Serving) -> DeployedView:
    """Deploy `flow/name`, anew or again; 422 with `errors` for what is wrong, 409 for one of the engine's file."""
    wanted = await read_document(request, DeployRequest)
    outcome = await services.deployer.deploy(name, wanted.root, caller(request))
    response.status_code = 201 if outcome.created else 200
    return DeployedView.of(outcome)


@router.delete("/{name:path}", status_code=204, summary="Archive a deployment")
async def archive(name: str, services: Serving) -> None:
    """Forget what was deployed; its schedules and triggers end, its runs stay."""
    await services.deployer.remove("deployment", name)


@router.post("/{name:path}/pause", summary="Pause a deployment")
async def pause(name: str, services: Serving) -> DeploymentView:
    """No run of it is made until it is resumed; those made before are carried out."""
    await services.engine.set_paused("deployment", name, True)
    return DeploymentView.of(services.jobs.deployment(name))


@router.post("/{name:path}/resume", summary="Resume a deployment")
async def resume(name: str, services: Serving) -> DeploymentView:
    """Let runs of it be made again."""
    await services.engine.set_paused("deployment", name, False)
    return DeploymentView.of(services.jobs.deployment(name))


@router.post(
    "/{name:path}/runs",
    status_code=201,
    summary="Make a run",
    openapi_extra=request_body(RunRequest),
    responses={200: {"model": RunCreatedView, "description": "The idempotency key was used before"}},
)
async def create_run(name: str, request: Request, response: Response, services: Serving) -> RunCreatedView:
    """Make a run with parameters and job variables; 422 with `errors` when they break the schema or the policy."""
    wanted = await read_document(request, RunRequest)
    run, created = await services.engine.create_run(
        name,
        parameters=wanted.parameters,
        job_variables=wanted.job_variables,
        idempotency_key=wanted.idempotency_key,
        created_by=caller(request),
    )
    response.status_code = 201 if created else 200
    return RunCreatedView(id=run, created=created)

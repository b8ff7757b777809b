"""Runs: where they are, what they printed, how to stop them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from automations.model.job import RunState
from automations.server.paging import Cursor, Limit
from automations.server.services import ServingRuns
from automations.server.views import ListView, LogLineView, RunView

router = APIRouter(prefix="/api/runs", tags=["runs"])
_MAX_NUMBER = 2**63 - 1


@router.get("", summary="Runs")
async def list_runs(
    services: ServingRuns,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: RunState | None = None,
    deployment: str | None = None,
    automation: str | None = None,
) -> ListView[RunView]:
    """Return a page of runs."""
    page = await services.store.reads.runs(
        limit=limit, cursor=cursor, state=state, deployment=deployment, automation=automation
    )
    return ListView(items=[RunView.of(run) for run in page.items], next=page.next)


@router.get("/{run}", summary="One run")
async def get_run(run: str, services: ServingRuns) -> RunView:
    """Find by id, by a unique beginning of it (6 characters at least), or by name."""
    return RunView.of(await services.store.reads.run(run))


@router.get("/{run}/logs", summary="A run's output")
async def get_logs(
    run: str,
    services: ServingRuns,
    after: Annotated[int, Query(ge=0, le=_MAX_NUMBER, description="The number of the last line seen")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Lines at most")] = 1000,
) -> ListView[LogLineView]:
    """Return lines in order; `next` is the `after` of what follows, null when there is no more for now."""
    found = await services.store.reads.run(run)
    lines = await services.store.reads.logs(found.spec.id, after=after, limit=limit)
    views = [LogLineView.of(number, line) for number, line in lines]
    return ListView(items=views, next=str(views[-1].number) if len(views) == limit else None)


@router.post("/{run}/cancel", summary="Cancel a run")
async def cancel(run: str, services: ServingRuns) -> RunView:
    """A run that waits ends at once, one that runs is told to stop."""
    return RunView.of(await services.engine.cancel_run(run))

"""The app: every route, in front of the ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, FastAPI

from automations.ingest import WebhookSource
from automations.ports import Clock, Deployer, Engine, Jobs, Operations, Store, WorkerStatus
from automations.server import doors
from automations.server.guards import KeyGuard, LoopbackGuard
from automations.server.keyring import Keyring
from automations.server.metrics import Metrics
from automations.server.openapi import install_openapi
from automations.server.problems import install_handlers
from automations.server.routes import (
    api_keys,
    automations,
    dead_letters,
    deployments,
    gateway_status,
    health,
    records,
    runs,
    status,
    work_pools,
    worker_status,
)
from automations.server.services import (
    CancelsRuns,
    Door,
    DoorServices,
    GuardServices,
    OperationServices,
    Services,
    WorkerServices,
)
from automations.server.settings import ServerSettings


def create_app(
    engine: Engine,
    store: Store,
    jobs: Jobs,
    deployer: Deployer,
    sources: Callable[[], Mapping[str, WebhookSource]],
    settings: ServerSettings,
    clock: Clock,
) -> FastAPI:
    """Return the ASGI app. `sources` is asked at each webhook, so that a reload is seen at once."""
    services = Services(
        door=engine,
        engine=engine,
        store=store,
        jobs=jobs,
        deployer=deployer,
        sources=sources,
        settings=settings,
        clock=clock,
        keyring=Keyring(store, clock),
        metrics=Metrics(),
    )
    parts = (status, health, automations, records, dead_letters, deployments, work_pools, runs, api_keys)
    return _app(services, [status.metrics, *(part.router for part in parts)])


def create_gateway(
    door: Door,
    operations: Operations,
    store: Store,
    sources: Callable[[], Mapping[str, WebhookSource]],
    settings: ServerSettings,
    clock: Clock,
    *,
    ready: Callable[[], Awaitable[str | None]],
    behind: Callable[[], int | None],
) -> FastAPI:
    """Return the app of a cluster's gateway. The store holds the read model and the API keys; `ready` tells what
    is missing, `behind` how many records the read model has yet to read.
    """
    services = OperationServices(
        door=door,
        engine=operations,
        store=store,
        sources=sources,
        settings=settings,
        clock=clock,
        keyring=Keyring(store, clock),
        metrics=Metrics(),
    )
    own = gateway_status.router_of(ready, behind)
    parts = (health, automations, records, dead_letters, api_keys)
    return _app(services, [own, status.metrics, *(part.router for part in parts)])


def create_worker(
    status: Callable[[], WorkerStatus],
    store: Store | None,
    runs_by: CancelsRuns | None,
    settings: ServerSettings,
    clock: Clock,
) -> FastAPI:
    """Return the app of a worker, which tells how it goes, and of the runs that it carries out. The store holds
    these, and the API keys; without one `settings` ask for none.
    """
    routers = [health.router, worker_status.router_of(status)]
    if store is None:
        return _guarded(None, settings, routers)
    keyring = Keyring(store, clock)
    if runs_by is None:
        return _guarded(GuardServices(keyring=keyring), settings, routers)
    services = WorkerServices(keyring=keyring, store=store, engine=runs_by)
    return _guarded(services, settings, [*routers, runs.router])


def _app(services: DoorServices, routers: Sequence[APIRouter]) -> FastAPI:
    app = _guarded(services, services.settings, routers)
    app.router.routes[:0] = doors.ROUTES
    return app


def _guarded(services: GuardServices | None, settings: ServerSettings, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPI(title="automations", version=_version(), docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    for router in routers:
        app.include_router(router)
    if settings.require_keys:
        app.add_middleware(KeyGuard)
    else:
        app.add_middleware(LoopbackGuard, allowed_hosts=settings.allowed_hosts)
    install_handlers(app)
    install_openapi(app)
    return app


def _version() -> str:
    try:
        return version("automations")
    except PackageNotFoundError:  # run from a source tree
        return "0"

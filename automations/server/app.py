"""The app: every route, in front of the ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from automations.ingest import WebhookSource
from automations.ports import Clock, Deployer, Engine, Jobs, Store
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
    records,
    runs,
    status,
    work_pools,
)
from automations.server.services import Services
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
    app = FastAPI(title="automations", version=_version(), docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = Services(
        engine, store, jobs, deployer, sources, settings, clock, keyring=Keyring(store, clock), metrics=Metrics()
    )
    app.router.routes.extend(doors.ROUTES)
    for part in (status, automations, records, dead_letters, deployments, work_pools, runs, api_keys):
        app.include_router(part.router)
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

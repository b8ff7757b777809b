"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from automations.ingest import Limits, WebhookSource
from automations.ports import Clock, Deployer, Engine, Jobs, Store
from automations.server.keyring import Keyring
from automations.server.metrics import Metrics
from automations.server.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Services:
    """The ports that one app stands on, and what it keeps itself. `sources` returns those known now."""

    engine: Engine
    store: Store
    jobs: Jobs
    deployer: Deployer
    sources: Callable[[], Mapping[str, WebhookSource]]
    settings: ServerSettings
    clock: Clock
    keyring: Keyring
    metrics: Metrics

    @property
    def limits(self) -> Limits:
        """What one request may hold."""
        return Limits(event_bytes=self.settings.max_event_bytes, batch=self.settings.max_batch)


def services_of(request: Request) -> Services:
    """Return the services of the app that serves this request."""
    services: Services = request.app.state.services
    return services


Serving = Annotated[Services, Depends(services_of)]
"""A route's parameter."""

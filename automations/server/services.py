"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import Request

from automations.ingest import Limits, WebhookSource
from automations.model.event import Event
from automations.model.job import Run
from automations.ports import Accepted, Clock, Deployer, Engine, Jobs, Operations, Store
from automations.server.keyring import Keyring
from automations.server.metrics import DoorMetrics, Metrics
from automations.server.settings import ServerSettings


class Door(Protocol):
    """What takes the events that were read in at a door."""

    async def accept(self, events: Sequence[Event]) -> Accepted:
        """Return once they are durable; Refused, and what is `recoverable`."""
        ...


class CancelsRuns(Protocol):
    """What runs can be stopped by."""

    async def cancel_run(self, run: str) -> Run:
        """Cancel; NotFoundError, ConflictError when it has ended."""
        ...


class RunServices(Protocol):
    """What tells of runs, in an engine and in a worker that carries runs out."""

    @property
    def store(self) -> Store:
        """Where the runs are."""
        ...

    @property
    def engine(self) -> CancelsRuns:
        """What carries them out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardServices:
    """What the guards stand on."""

    keyring: Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerServices(GuardServices):
    """What a worker tells of its runs by."""

    store: Store
    engine: CancelsRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorServices(GuardServices):
    """What the doors and the API keys stand on. `sources` returns those known now."""

    door: Door
    store: Store
    sources: Callable[[], Mapping[str, WebhookSource]]
    settings: ServerSettings
    clock: Clock
    metrics: DoorMetrics

    @property
    def limits(self) -> Limits:
        """What one request may hold."""
        return Limits(event_bytes=self.settings.max_event_bytes, batch=self.settings.max_batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationServices(DoorServices):
    """And what tells how it goes, in an engine as in a gateway."""

    engine: Operations
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(OperationServices):
    """The ports that the whole app stands on, and what it keeps itself."""

    engine: Engine
    jobs: Jobs
    deployer: Deployer


def door_services_of(request: Request) -> DoorServices:
    """Return the services of the doors, in any app."""
    services: DoorServices = request.app.state.services
    return services


def operation_services_of(request: Request) -> OperationServices:
    """Return the services of operators, in an engine or a gateway."""
    services: OperationServices = request.app.state.services
    return services


def run_services_of(request: Request) -> RunServices:
    """Return what runs stand on, in an engine or a worker."""
    services: RunServices = request.app.state.services
    return services


def services_of(request: Request) -> Services:
    """Return the services of the app that serves this request."""
    services: Services = request.app.state.services
    return services


Serving = Annotated[Services, Depends(services_of)]
"""A route's parameter."""
ServingOperations = Annotated[OperationServices, Depends(operation_services_of)]
"""The same of a route that a gateway has, too."""
ServingRuns = Annotated[RunServices, Depends(run_services_of)]
"""The same of a route that a worker has, too."""
ServingDoors = Annotated[DoorServices, Depends(door_services_of)]
"""The same of one that needs no more than the doors and the keys."""

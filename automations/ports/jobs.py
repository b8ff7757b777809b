"""Deployments and work pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from automations.model.job import Deployment, WorkPool

if TYPE_CHECKING:
    pass


PausableKind = Literal["automation", "deployment", "work-pool"]


class Jobs(Protocol):
    """The deployments and work pools known now."""

    def deployment(self, name: str) -> Deployment:
        """Find by `flow/name`, or by `name` while it is unique; NotFoundError suggests."""
        ...

    def work_pool(self, name: str) -> WorkPool:
        """Find a pool; NotFoundError suggests."""
        ...

    def deployments(self) -> Sequence[Deployment]:
        """Return all, by name."""
        ...

    def work_pools(self) -> Sequence[WorkPool]:
        """Return all, by name."""
        ...


class PausableJobs(Jobs, Protocol):
    """Deployments and work pools that can be paused."""

    def set_pauses(self, pauses: Mapping[tuple[PausableKind, str], bool]) -> None:
        """Show these deployments and work pools as paused or not, whatever their file says."""
        ...

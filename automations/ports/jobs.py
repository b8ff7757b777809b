"""Deployments and work pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from automations.model.job import Deployment, WorkPool

if TYPE_CHECKING:
    from automations.model.document import JsonObject

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


DeployedKind = Literal["deployment", "work-pool"]


@dataclass(frozen=True, slots=True)
class DeployOutcome:
    """`changed`: the keys that are other than before, dotted. `warnings` do not hinder."""

    name: str
    created: bool
    changed: Sequence[str]
    warnings: Sequence[str] = ()


class Deployer(Protocol):
    """What takes deployments and work pools from elsewhere than the engine's own file.

    All raise DeployErrors with every problem, ConflictError `origin-file` for what that file declares, and
    StoreUnavailableError.
    """

    async def deploy(self, name: str, document: JsonObject, by: str) -> DeployOutcome:
        """Deploy `flow/name`, anew or again. `document`: an entry of a deployment file, with `directory`."""
        ...

    async def put_work_pool(self, name: str, document: JsonObject, by: str, *, overwrite: bool) -> DeployOutcome:
        """Make a work pool; ConflictError `exists` without `overwrite`."""
        ...

    async def remove(self, kind: DeployedKind, name: str) -> None:
        """Archive what was deployed; NotFoundError."""
        ...

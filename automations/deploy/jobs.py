"""The deployments and work pools of a file, found by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from automations.errors import ConflictError, NotFoundError
from automations.model.job import Deployment, JobFile, WorkPool
from automations.ports import PausableKind
from automations.rulefiles import suggestion

T = TypeVar("T", Deployment, WorkPool)


class FileJobs:
    """Implements `ports.Jobs` on one deployment file; never changes."""

    def __init__(self, file: JobFile) -> None:
        self._deployments = {found.name: found for found in sorted(file.deployments, key=lambda d: d.name)}
        self._work_pools = {found.name: found for found in sorted(file.work_pools, key=lambda p: p.name)}

    def deployment(self, name: str) -> Deployment:
        """Find by `flow/name`, or by `name` while it is unique; NotFoundError suggests, ConflictError lists."""
        found = self._deployments.get(name)
        if found is not None:
            return found
        short = [deployment for deployment in self._deployments.values() if deployment.short_name == name]
        if len(short) > 1:
            names = ", ".join(deployment.name for deployment in short)
            raise ConflictError(f"several deployments are named {name!r}", code="ambiguous", hint=f"write {names}")
        if not short:
            known = [*self._deployments, *(deployment.short_name for deployment in self._deployments.values())]
            raise _not_found("deployment", name, known)
        return short[0]

    def work_pool(self, name: str) -> WorkPool:
        """Find a pool; NotFoundError suggests."""
        found = self._work_pools.get(name)
        if found is None:
            raise _not_found("work pool", name, self._work_pools)
        return found

    def deployments(self) -> Sequence[Deployment]:
        """Return all, by name."""
        return list(self._deployments.values())

    def work_pools(self) -> Sequence[WorkPool]:
        """Return all, by name."""
        return list(self._work_pools.values())


def _not_found(what: str, name: str, known: Iterable[str]) -> NotFoundError:
    names = list(known)
    hint = suggestion(name, names) or (f"there are {', '.join(names)}" if names else "there is none at all")
    return NotFoundError(f"there is no {what} {name!r}", hint=hint)


class ReloadableJobs:
    """Implements `ports.PausableJobs` on the file as it was last loaded; a reload swaps all of it at once. What
    was paused or resumed meanwhile outweighs the file.
    """

    def __init__(self, file: JobFile | None = None) -> None:
        self._file = file or JobFile()
        self._pauses: Mapping[tuple[PausableKind, str], bool] = {}
        self._use()

    def replace(self, file: JobFile) -> None:
        """Use another file from now on."""
        self._file = file
        self._use()

    def set_pauses(self, pauses: Mapping[tuple[PausableKind, str], bool]) -> None:
        """Show these deployments and work pools as paused or not, whatever their file says."""
        self._pauses = pauses
        self._use()

    def _use(self) -> None:
        deployments = [self._shown("deployment", found) for found in self._file.deployments]
        self.current = FileJobs(JobFile(deployments, [self._shown("work-pool", p) for p in self._file.work_pools]))

    def _shown(self, kind: PausableKind, found: T) -> T:
        paused = self._pauses.get((kind, found.name))
        return found if paused is None else replace(found, paused=paused)

    def deployment(self, name: str) -> Deployment:
        """Find as `FileJobs.deployment` does."""
        return self.current.deployment(name)

    def work_pool(self, name: str) -> WorkPool:
        """Find as `FileJobs.work_pool` does."""
        return self.current.work_pool(name)

    def deployments(self) -> Sequence[Deployment]:
        """Return all, by name."""
        return self.current.deployments()

    def work_pools(self) -> Sequence[WorkPool]:
        """Return all, by name."""
        return self.current.work_pools()

"""The project: its files, and what was deployed beside them, always read together and swapped in at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from automations.deploy import ReloadableJobs, deployment_changes, document_of
from automations.errors import (
    AutomationsError,
    ConflictError,
    DeployErrors,
    NotFoundError,
    Problem,
    RuleFileErrors,
)
from automations.model.document import JsonObject
from automations.model.job import Deployment, WorkPool
from automations.ports import Clock, Deployed, DeployedKind, DeployOutcome, Store
from automations.runtime.embedded import EmbeddedEngine
from automations.settings import Settings
from automations.wiring.loading import Loaded, load

log = structlog.get_logger()

Read = Callable[[Settings, Sequence[Deployed]], Loaded]
_NOUN: Final = {"deployment": "deployment", "work-pool": "work pool"}


class Project:
    """Implements `ports.Deployer`. Invariant: `loaded` is what the engine runs."""

    def __init__(self, settings: Settings, clock: Clock, read: Read = load) -> None:
        """Read the files by `read`; RuleFileErrors with every problem of them."""
        self._settings, self._clock, self._load = settings, clock, read
        self.loaded: Loaded = read(settings, ())
        self.jobs = ReloadableJobs(self.loaded.jobs)
        self._rows: dict[tuple[DeployedKind, str], Deployed] = {}
        self._turn = asyncio.Lock()

    async def start(self, store: Store, engine: EmbeddedEngine) -> None:
        """Read again with what was deployed in an earlier life, and have the engine run it."""
        self._store, self._engine = store, engine
        self._rows = {(row.kind, row.name): row for row in await store.reads.deployed()}
        self.loaded = self._load(self._settings, list(self._rows.values()))
        self.jobs.replace(self.loaded.jobs)
        await engine.start(self.loaded.rules)
        _warn(self.loaded.warnings)
        await self._keep(self._changed_in_file())

    async def reload(self) -> None:
        """Swap everything, or nothing; files that do not load are told in the engine's status."""
        async with self._turn:
            try:
                loaded = self._load(self._settings, list(self._rows.values()))
            except RuleFileErrors as errors:
                self._engine.reject_rules([str(p) for p in errors.problems if p.severity == "error"])
                return
            await self._use(loaded)
            await self._keep(self._changed_in_file())

    # --- deploying -----------------------------------------------------------------------------------------

    async def deploy(self, name: str, document: JsonObject, by: str) -> DeployOutcome:
        """Deploy `flow/name`, anew or again."""
        return await self._put("deployment", name, document, by, overwrite=True)

    async def put_work_pool(self, name: str, document: JsonObject, by: str, *, overwrite: bool) -> DeployOutcome:
        """Make a work pool, or, with `overwrite`, change it."""
        return await self._put("work-pool", name, document, by, overwrite=overwrite)

    async def remove(self, kind: DeployedKind, name: str) -> None:
        """Archive what was deployed: its runs remember it."""
        async with self._turn:
            self._refuse_of_file(kind, name)
            row = self._rows.get((kind, name))
            if row is None or row.archived is not None:
                raise NotFoundError(f"there is no {_NOUN[kind]} {name!r} that was deployed")
            await self._apply(replace(row, archived=self._clock.now()))

    async def _put(
        self, kind: DeployedKind, name: str, document: JsonObject, by: str, *, overwrite: bool
    ) -> DeployOutcome:
        async with self._turn:
            self._refuse_of_file(kind, name)
            known = self._rows.get((kind, name))
            before = known.document if known is not None and known.archived is None else None
            if before is not None and not overwrite:
                raise ConflictError(f"there is a {_NOUN[kind]} {name!r}", code="exists", hint="overwrite it")
            row = Deployed(kind, name, "deploy", document, by, self._clock.now())
            warnings = await self._apply(row)
        changed = tuple(deployment_changes(before or {}, document))
        return DeployOutcome(name, before is None, changed, tuple(map(_told, warnings)))

    def _refuse_of_file(self, kind: DeployedKind, name: str) -> None:
        if any(found.name == name for found in self._of_file(kind)):
            raise ConflictError(
                f"the {_NOUN[kind]} {name!r} is declared in {self._settings.deployments}",
                code="origin-file",
                hint="change it there: the engine takes it up by itself",
            )

    async def _apply(self, row: Deployed) -> Sequence[Problem]:
        """Check the whole with this row in it, keep the row, use the whole. Returns the warnings that are new."""
        rows = {**self._rows, (row.kind, row.name): row}
        try:
            loaded = self._load(self._settings, list(rows.values()))
        except RuleFileErrors as errors:
            raise DeployErrors([_told(p) for p in errors.problems if p.severity == "error"]) from None
        new = [problem for problem in loaded.warnings if problem not in self.loaded.warnings]
        wrong = [problem for problem in new if problem.severity == "error"]
        if wrong:
            raise DeployErrors([_told(problem) for problem in wrong])
        await self._keep([row])
        await self._use(loaded)
        return new

    # --- what is kept --------------------------------------------------------------------------------------

    async def _use(self, loaded: Loaded) -> None:
        """The deployments come first: rules that came with them may fire at once."""
        self.jobs.replace(loaded.jobs)
        try:
            await self._engine.use_rules(loaded.rules)
        except AutomationsError as error:
            self.jobs.replace(self.loaded.jobs)
            self._engine.reject_rules([str(error)])
            raise
        self.loaded = loaded
        _warn(loaded.warnings)

    async def _keep(self, rows: Sequence[Deployed]) -> None:
        if rows:
            await self._store.write(lambda tx: tx.put_deployed(rows))
            self._rows |= {(row.kind, row.name): row for row in rows}

    def _changed_in_file(self) -> list[Deployed]:
        """The rows that make what is kept say what the file says: what left it is archived."""
        now, by = self._clock.now(), self._settings.path("deployments").name
        kinds: Sequence[DeployedKind] = ("deployment", "work-pool")
        found = {
            (kind, each.name): Deployed(kind, each.name, "file", document_of(each), by, now)
            for kind in kinds
            for each in self._of_file(kind)
        }
        changed = [row for key, row in found.items() if not _same(self._rows.get(key), row)]
        gone = [row for key, row in self._rows.items() if row.origin == "file" and key not in found]
        return [*changed, *(replace(row, archived=now) for row in gone if row.archived is None)]

    def _of_file(self, kind: DeployedKind) -> Iterable[Deployment | WorkPool]:
        jobs = self.loaded.jobs
        listed: Sequence[Deployment | WorkPool] = jobs.deployments if kind == "deployment" else jobs.work_pools
        return (each for each in listed if each.origin == "file" and each.location is not None)


def _same(kept: Deployed | None, row: Deployed) -> bool:
    return kept is not None and (kept.origin, kept.document, kept.archived) == (row.origin, row.document, None)


def _told(problem: Problem) -> str:
    mend = f"; {problem.hint}" if problem.hint else ""
    where = f" ({problem.location})" if problem.location.line > 1 else ""
    return f"[{problem.code}] {problem.message}{mend}{where}"


def _warn(problems: Iterable[Problem]) -> None:
    for problem in problems:
        log.warning("loaded_with_problem", code=problem.code, problem=str(problem))

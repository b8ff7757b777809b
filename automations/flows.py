"""The Python API: `@flow`, and `flow.from_source(...).deploy(...)`. The names are those of Prefect's.

Runs import it: what only a deploy needs is imported there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from automations.model.document import JsonObject

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRepository:
    """A source that each run clones. The engine finds `access_token` there: {"env": NAME} or {"file": PATH}."""

    url: str
    branch: str | None = None
    commit_sha: str | None = None
    include_submodules: bool = False
    access_token: Mapping[str, str] | None = None

    def pull_step(self) -> JsonObject:
        """Return the step that clones it."""
        given = {key: value for key, value in asdict(self).items() if value and key != "url"}
        return {"git_clone": {"repository": self.url, **given}}


@dataclass(frozen=True, slots=True)
class Deployable:
    """A function that can be deployed: the flow's name, and where its code is."""

    flow_name: str
    entrypoint: str
    directory: str | None = None
    pull: tuple[JsonObject, ...] = ()

    def deploy(
        self,
        name: str,
        *,
        work_pool_name: str = "default",
        work_queue_name: str | None = None,
        job_variables: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        description: str | None = None,
        tags: Sequence[str] = (),
        version: str | None = None,
        schedule: Mapping[str, Any] | None = None,
        cron: str | None = None,
        interval: float | str | None = None,
        timezone: str | None = None,
        schedules: Sequence[Mapping[str, Any]] = (),
        triggers: Sequence[Mapping[str, Any]] = (),
        job_variable_policy: Mapping[str, Mapping[str, Any]] | None = None,
        paused: bool = False,
    ) -> str:
        """Deploy to the engine at AUTOMATIONS_API_URL, with AUTOMATIONS_API_KEY; doing it again changes what is
        other. Returns `flow/name`.

        `interval` is in seconds, or text such as 1h30m; `schedule`, `schedules` and `triggers` are as in a
        deployment file. Raises DeployErrors with every problem, AutomationsError `unreachable` where no engine
        answers.
        """
        from automations.deploy.engine_client import put_deployment

        one = [] if schedule is None else [dict(schedule)]
        timed = {key: value for key, value in {"cron": cron, "interval": interval}.items() if value is not None}
        zone = {} if timezone is None else {"timezone": timezone}
        pool = {
            "name": work_pool_name,
            "work_queue_name": work_queue_name,
            "job_variables": dict(job_variables or {}),
        }
        document = {
            "entrypoint": self.entrypoint,
            "directory": self.directory,
            "pull": list(self.pull) or None,
            "description": description,
            "tags": list(tags),
            "version": version,
            "parameters": dict(parameters or {}),
            "work_pool": pool,
            "job_variable_policy": dict(job_variable_policy or {}),
            "schedules": [*([{**timed, **zone}] if timed else []), *one, *map(dict, schedules)],
            "triggers": list(map(dict, triggers)),
            "paused": paused,
            "location": f"{self.entrypoint}.deploy()",
        }
        full_name = f"{self.flow_name}/{name}"
        put_deployment(full_name, {key: value for key, value in document.items() if value is not None})
        return full_name


class Flow(Generic[P, R]):
    """A function that is a flow. Calling it calls the function, and nothing else."""

    def __init__(self, function: Callable[P, R], name: str | None = None) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.name = name or function.__name__.replace("_", "-")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __get__(self, instance: object, _owner: type | None = None) -> Any:
        """As of a function in a class: called on an instance, it is given the instance."""
        return self if instance is None else MethodType(self, instance)

    def deploy(self, name: str, **given: Any) -> str:
        """Deploy the function from the file that defines it, as `Deployable.deploy` does."""
        from automations.errors import AutomationsError

        file = Path(inspect.getsourcefile(self._function) or "")
        if not file.is_file():
            raise AutomationsError(
                f"{self._function.__name__!r} is defined in no file",
                code="no-file",
                hint="write flow.from_source(source, entrypoint).deploy(...)",
            )
        entrypoint = f"{file.name}:{self._function.__name__}"
        return Deployable(self.name, entrypoint, str(file.resolve().parent)).deploy(name, **given)


class _FlowDecorator:
    """What `flow` is: a decorator, with and without arguments, that also knows `from_source`."""

    @overload
    def __call__(self, function: Callable[P, R], /) -> Flow[P, R]: ...

    @overload
    def __call__(
        self, function: None = None, /, *, name: str | None = None
    ) -> Callable[[Callable[P, R]], Flow[P, R]]: ...

    def __call__(self, function: Any = None, /, *, name: str | None = None) -> Any:
        if function is None:
            return functools.partial(Flow, name=name)
        return Flow(function, name)

    def from_source(self, source: str | Path | GitRepository, entrypoint: str) -> Deployable:
        """Return what is at `entrypoint` (`path/to/file.py:function`) of a folder, or of a repository that each
        run clones: a GitRepository, or its address. AutomationsError where there is no such function.
        """
        from automations.deploy.entrypoint import inspect_entrypoint

        if isinstance(source, str) and _is_address(source):
            source = GitRepository(url=source)
        if isinstance(source, GitRepository):
            return Deployable(_flow_name_in(source, entrypoint), entrypoint, pull=(source.pull_step(),))
        directory = Path(source).resolve()
        return Deployable(inspect_entrypoint(entrypoint, directory).flow, entrypoint, str(directory))


flow = _FlowDecorator()


def _is_address(source: str) -> bool:
    return "://" in source or source.startswith("git@") or source.endswith(".git")


def _flow_name_in(repository: GitRepository, entrypoint: str) -> str:
    """The flow's name stands in its source: clone it once, with the credentials of who deploys."""
    import subprocess
    import tempfile

    from automations.deploy.entrypoint import inspect_entrypoint
    from automations.errors import AutomationsError

    with tempfile.TemporaryDirectory() as folder:
        at = [] if repository.branch is None else ["--branch", repository.branch]
        commands = [["git", "clone", "--quiet", "--depth", "1", *at, "--", repository.url, folder]]
        if repository.commit_sha is not None:  # as a run fetches it: the name may be another at the branch's end
            commands += [
                ["git", "-C", folder, "fetch", "--quiet", "--depth", "1", "origin", repository.commit_sha],
                ["git", "-C", folder, "checkout", "--quiet", "FETCH_HEAD"],
            ]
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip()
            raise AutomationsError(f"{repository.url} cannot be cloned: {said}", code="no-source") from None
        return inspect_entrypoint(entrypoint, Path(folder)).flow

"""Work pools, deployments and runs (jobs.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automations.errors import Location
    from automations.model.document import JsonObject


Origin = Literal["file", "deploy"]
"""Declared by the deployment file of the engine, or deployed to it from elsewhere."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one effective value came from.

    `layer` is the layer that won; `origin` says it for people (`deployments.yaml:12:9`, `api key ci`,
    `automation repair-orders, template {{ event.payload.cpu }}`).
    """

    layer: Literal["pool", "deployment", "run"]
    origin: str
    template: str | None = None

    def to_dict(self) -> JsonObject:
        """The JSON object served by the API."""
        return {"layer": self.layer, "origin": self.origin, "template": self.template}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of job variables, as written (dotted keys not yet expanded).

    `templates` marks the event's leaves: JSON pointer into `values` → template. `origin` names the author;
    `origins` says it more precisely per top-level key or pointer where it is known.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkPool:
    """`variables` is the JSON Schema object (with defaults) of `base_job_template.variables`."""

    name: str
    type: str = "process"
    description: str = ""
    variables: JsonObject = field(default_factory=dict)
    job_configuration: JsonObject = field(default_factory=dict)
    merge: Mapping[str, Literal["deep", "replace"]] = field(default_factory=dict)
    allow_extra: bool = False
    concurrency_limit: int | None = None
    on_unknown: Literal["fail", "rerun"] = "fail"
    paused: bool = False
    origin: Origin = "file"
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A job that can be run: `name` is `flow/deployment`. `entrypoint` is `path.py:function`, relative to
    `directory`, the folder of the file that declares it, or to where its `pull` steps (`{"step": name, ...}`) end.
    `origin` says who declared it.
    """

    flow: str
    short_name: str
    entrypoint: str
    work_pool: str
    directory: str
    description: str = ""
    tags: tuple[str, ...] = ()
    version: str | None = None
    parameters: JsonObject = field(default_factory=dict)
    job_variables: Layer = field(default_factory=Layer)
    job_variable_policy: Mapping[str, JsonObject] = field(default_factory=dict)
    pull: tuple[JsonObject, ...] = ()
    work_queue_name: str | None = None
    paused: bool = False
    origin: Origin = "file"
    location: Location | None = None

    @property
    def name(self) -> str:
        """The full name, `flow/deployment`."""
        return f"{self.flow}/{self.short_name}"


class RunState(StrEnum):
    """The states of a run, named as Prefect names them."""

    SCHEDULED = "Scheduled"
    PENDING = "Pending"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CRASHED = "Crashed"
    CANCELLED = "Cancelled"

    @property
    def terminal(self) -> bool:
        """True when nothing follows."""
        return self in _TERMINAL


_TERMINAL = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CRASHED, RunState.CANCELLED})


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run to be made. `id` is the action's id for an automation, so that it is made once.

    `job_variables` are effective (merged, validated); `provenance` has one entry per leaf, by JSON pointer.
    `job` is the pool's `job_configuration` with its placeholders filled.
    """

    id: str
    name: str
    deployment: str
    work_pool: str
    parameters: JsonObject
    job_variables: JsonObject
    provenance: Mapping[str, Provenance]
    job: JsonObject
    entrypoint: str
    directory: str
    pull: tuple[JsonObject, ...] = ()
    tags: tuple[str, ...] = ()
    scheduled_for: int | None = None
    created_by: str = ""
    idempotency_key: str | None = None
    automation: str | None = None
    firing: str | None = None
    follows: str | None = None
    hops: int = 0

    def to_dict(self) -> JsonObject:
        """The JSON object that the store keeps; `from_dict` reads it."""
        data: JsonObject = {name: getattr(self, name) for name in self.__slots__}
        data["provenance"] = {pointer: p.to_dict() for pointer, p in self.provenance.items()}
        return data

    @classmethod
    def from_dict(cls, data: JsonObject) -> RunSpec:
        """Read what `to_dict` wrote."""
        provenance = {pointer: Provenance(**p) for pointer, p in data["provenance"].items()}
        return cls(
            **{
                **data,
                "provenance": provenance,
                "tags": tuple(data["tags"]),
                "pull": tuple(data.get("pull", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored: its spec and how far it is. Times are moments (microseconds) or None."""

    spec: RunSpec
    state: RunState
    message: str = ""
    created: int = 0
    started: int | None = None
    ended: int | None = None
    exit_code: int | None = None
    pid: int | None = None
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's output."""

    run: str
    at: int
    stream: Literal["stdout", "stderr", "engine"]
    text: str


@dataclass(frozen=True, slots=True)
class JobFile:
    """What one deployment file declares."""

    deployments: Sequence[Deployment] = ()
    work_pools: Sequence[WorkPool] = ()

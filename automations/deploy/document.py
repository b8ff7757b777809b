"""The deployment file as a user writes it: Prefect's `prefect.yaml`, with the work pools beside it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

import re2
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document, JsonObject

NOT_SUPPORTED: Final = ("schedule", "schedules", "triggers", "pull")
MEANINGLESS: Final = ("name", "prefect-version", "build", "push", "concurrency_limit", "enforce_parameter_schema")
"""Keys of Prefect's file that mean nothing here; at a deployment `name` does."""

Name = Annotated[str, Field(min_length=1)]


class WorkPoolReference(Document):
    """Where a deployment runs."""

    noun: ClassVar[str] = "work_pool"

    name: Name = "default"
    work_queue_name: str | None = None
    job_variables: JsonObject = Field(default_factory=dict)


class PolicyEntry(Document):
    """What an event may fill into one variable: exactly one of the four."""

    noun: ClassVar[str] = "job_variable_policy"

    enum: list[Any] | None = None
    pattern: str | None = None
    range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    any: Literal[True] | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re2.compile(pattern or "")
        except re2.error as error:
            raise PydanticCustomError(
                "bad-pattern", "the pattern is no RE2: {reason}", {"reason": _text(error)}
            ) from None
        return pattern

    @model_validator(mode="after")
    def _one(self) -> PolicyEntry:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("bad-policy", "a policy is one of 'enum', 'pattern', 'range' and 'any'")
        return self


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


class DeploymentDocument(Document):
    """One entry of `deployments`."""

    noun: ClassVar[str] = "deployment"

    name: Name
    entrypoint: Name
    description: str | None = None
    tags: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    version: str | None = None
    parameters: JsonObject | None = None
    work_pool: WorkPoolReference | None = None
    job_variable_policy: dict[str, PolicyEntry] = Field(default_factory=dict)
    paused: bool | None = None


class JobTemplate(Document):
    """Prefect's `base_job_template`: `variables` is a JSON Schema, `job_configuration` holds its placeholders."""

    noun: ClassVar[str] = "base_job_template"

    variables: JsonObject = Field(default_factory=dict)
    job_configuration: JsonObject = Field(default_factory=dict)


class WorkPoolDocument(Document):
    """One entry of `work_pools`."""

    noun: ClassVar[str] = "work pool"

    name: Name
    type: Name = "process"
    description: str | None = None
    base_job_template: JobTemplate = Field(default_factory=JobTemplate)
    merge: dict[str, Literal["deep", "replace"]] = Field(default_factory=dict)
    allow_extra: bool = False
    concurrency_limit: Annotated[int, Field(ge=1)] | None = None
    on_unknown: Literal["fail", "rerun"] = "fail"
    paused: bool = False

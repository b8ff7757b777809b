"""The deployment file as a user writes it: Prefect's `prefect.yaml`, with the work pools beside it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from automations.errors import AutomationsError
from automations.jobs import policy_pattern
from automations.model.document import Document, JsonObject

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
            policy_pattern(pattern or "")
        except AutomationsError as error:
            raise PydanticCustomError("bad-pattern", "{reason}", {"reason": error.message}) from None
        return pattern

    @model_validator(mode="after")
    def _one(self) -> PolicyEntry:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("bad-policy", "a policy is one of 'enum', 'pattern', 'range' and 'any'")
        return self


class PoliciesDocument(Document):
    """Policies of deployments that live elsewhere: `flow/name` → variable → entry."""

    policies: dict[str, dict[str, PolicyEntry]] = Field(default_factory=dict)


def check_policies(written: Any) -> dict[str, dict[str, JsonObject]]:
    """Return policies as `jobs` reads them; pydantic's ValidationError, its locations below `policies`."""
    dumped: dict[str, dict[str, JsonObject]]
    dumped = PoliciesDocument.model_validate({"policies": written}).model_dump(exclude_unset=True)["policies"]
    return dumped


class DeploymentDocument(Document):
    """One entry of `deployments`. `schedule`, `schedules` and `triggers` become automations, and are validated as
    such.
    """

    noun: ClassVar[str] = "deployment"

    name: Name
    entrypoint: Name
    description: str = ""
    tags: Annotated[tuple[str, ...], Field(strict=False)] = ()
    version: str | None = None
    parameters: JsonObject = Field(default_factory=dict)
    work_pool: WorkPoolReference = Field(default_factory=WorkPoolReference)
    job_variable_policy: dict[str, PolicyEntry] = Field(default_factory=dict)
    schedule: JsonObject | None = None
    schedules: list[JsonObject] = Field(default_factory=list)
    triggers: list[JsonObject] = Field(default_factory=list)
    pull: list[JsonObject] | None = None
    paused: bool = False


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
    description: str = ""
    base_job_template: JobTemplate = Field(default_factory=JobTemplate)
    merge: dict[str, Literal["deep", "replace"]] = Field(default_factory=dict)
    allow_extra: bool = False
    concurrency_limit: Annotated[int, Field(ge=1)] | None = None
    on_unknown: Literal["fail", "rerun"] = "fail"
    paused: bool = False

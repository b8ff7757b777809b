"""The actions, as a user writes them (rules.md section 7). Durations are in microseconds once loaded.

Each class says which of its fields hold templates: `typed` ones keep the JSON type of a lone expression, `text`
ones always become text. The rest is the author's own.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document, JsonObject
from automations.model.filters import ONE_OR_MORE, one_or_more
from automations.model.labels import RelatedLabels, ResourceLabels
from automations.model.moment import Duration
from automations.model.secret import SecretReference


def _as_mapping(value: Any) -> Any:
    """Prefect writes null for 'none'."""
    return {} if value is None else value


NullableObject = Annotated[
    JsonObject, BeforeValidator(_as_mapping), WithJsonSchema({"type": ["object", "null"], "default": {}})
]
Name = Annotated[str, Field(min_length=1)]


class ActionDocument(Document):
    """What all actions have: nothing but a type. `target` goes into the action's id."""

    typed: ClassVar[tuple[str, ...]] = ()
    text: ClassVar[tuple[str, ...]] = ()

    @property
    def target(self) -> str:
        """What it acts on, as the document writes it."""
        return ""

    @property
    def inferred_kind(self) -> str | None:
        """The kind of object, `flow-run` say, that the event tells; None where the document names what is acted
        on.
        """
        return None

    @property
    def prefect_only(self) -> bool:
        """True when only a Prefect server can carry it out."""
        return False


class OnObject(ActionDocument):
    """Acts on an object that the document names (`selected`), or that the event is about (`inferred`).

    `kind` is the object's kind, and the name of the field that names it; `<kind>_id` names it by a Prefect id.
    """

    kind: ClassVar[str]

    source: Literal["selected", "inferred"] = "selected"

    @model_validator(mode="after")
    def _named_once(self) -> OnObject:
        name, by_id = self.kind, f"{self.kind}_id"
        given = [field for field in (name, by_id) if getattr(self, field) is not None]
        if self.source == "selected" and len(given) != 1:
            raise PydanticCustomError(
                "two-targets" if given else "no-target",
                "write either '{name}' or '{by_id}', or 'source: inferred'",
                {"name": name, "by_id": by_id, "at": given[1:]},
            )
        if self.source == "inferred" and given:
            raise PydanticCustomError(
                "two-targets",
                "'source: inferred' takes it from the event; leave '{name}' out",
                {"name": given[0], "at": given[:1]},
            )
        return self

    @property
    def inferred_kind(self) -> str | None:
        """Its own kind, with `source: inferred`."""
        return self.kind.replace("_", "-") if self.source == "inferred" else None

    @property
    def target(self) -> str:
        """The name or the id; empty when it is inferred."""
        return getattr(self, self.kind) or getattr(self, f"{self.kind}_id") or ""

    @property
    def prefect_only(self) -> bool:
        """Ids are Prefect's: our own objects have names."""
        return getattr(self, f"{self.kind}_id") is not None


class OnDeployment(OnObject):
    """Acts on a deployment."""

    kind: ClassVar[str] = "deployment"
    deployment: Name | None = None
    deployment_id: Name | None = None


class OnAutomation(OnObject):
    """Acts on an automation."""

    kind: ClassVar[str] = "automation"
    automation: Name | None = None
    automation_id: Name | None = None


class OnWorkPool(OnObject):
    """Acts on a work pool."""

    kind: ClassVar[str] = "work_pool"
    work_pool: Name | None = None
    work_pool_id: Name | None = None


class OnWorkQueue(OnObject):
    """Acts on a work queue, which only Prefect has."""

    kind: ClassVar[str] = "work_queue"
    work_queue: Name | None = None
    work_queue_id: Name | None = None

    @property
    def prefect_only(self) -> bool:
        """True: there are no work queues of ours."""
        return True


class RunDeployment(OnDeployment):
    """Start a run of a deployment, with parameters and job variables rendered from the event."""

    typed: ClassVar[tuple[str, ...]] = ("parameters", "job_variables")
    text: ClassVar[tuple[str, ...]] = ("tags",)

    type: Literal["run-deployment"]
    parameters: NullableObject = Field(default_factory=dict)
    job_variables: NullableObject = Field(default_factory=dict)
    schedule_after: Duration = 0
    tags: tuple[str, ...] = Field(default=(), strict=False)


class PauseDeployment(OnDeployment):
    """Stop a deployment from making runs."""

    type: Literal["pause-deployment"]


class ResumeDeployment(OnDeployment):
    """Let a deployment make runs again."""

    type: Literal["resume-deployment"]


class PauseAutomation(OnAutomation):
    """Stop an automation from seeing events."""

    type: Literal["pause-automation"]


class ResumeAutomation(OnAutomation):
    """Let an automation see events again; it starts afresh."""

    type: Literal["resume-automation"]


class PauseWorkPool(OnWorkPool):
    """Stop a work pool from starting runs; they wait."""

    type: Literal["pause-work-pool"]


class ResumeWorkPool(OnWorkPool):
    """Let a work pool start runs again."""

    type: Literal["resume-work-pool"]


class PauseWorkQueue(OnWorkQueue):
    """Stop a Prefect work queue."""

    type: Literal["pause-work-queue"]


class ResumeWorkQueue(OnWorkQueue):
    """Let a Prefect work queue go on."""

    type: Literal["resume-work-queue"]


class OnFlowRun(ActionDocument):
    """Acts on the run that the event is about."""

    @property
    def inferred_kind(self) -> str:
        """Always a run."""
        return "flow-run"


class CancelFlowRun(OnFlowRun):
    """Cancel the run that the event is about."""

    type: Literal["cancel-flow-run"]


class _OnPrefectRun(OnFlowRun):
    @property
    def prefect_only(self) -> bool:
        """True: runs of our own pools have no such step."""
        return True


class SuspendFlowRun(_OnPrefectRun):
    """Suspend the run that the event is about."""

    type: Literal["suspend-flow-run"]


class ResumeFlowRun(_OnPrefectRun):
    """Resume the run that the event is about."""

    type: Literal["resume-flow-run"]


class DeleteFlowRun(_OnPrefectRun):
    """Delete the run that the event is about."""

    type: Literal["delete-flow-run"]


class ChangeFlowRunState(_OnPrefectRun):
    """Set the state of the run that the event is about."""

    text: ClassVar[tuple[str, ...]] = ("message",)

    type: Literal["change-flow-run-state"]
    state: Literal[
        "SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"
    ]
    name: str | None = None
    message: str | None = None
    force: bool = False


class CallWebhook(ActionDocument):
    """Send an HTTP request. With `block_document_id`, a Prefect server sends it."""

    typed: ClassVar[tuple[str, ...]] = ("body",)
    text: ClassVar[tuple[str, ...]] = ("url", "headers", "payload")

    type: Literal["call-webhook"]
    url: Name | None = None
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    timeout: Annotated[Duration, Field(gt=0)] = 10_000_000
    sign: SecretReference | None = None
    block_document_id: Name | None = None
    payload: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> CallWebhook:
        if (self.url is None) == (self.block_document_id is None):
            raise PydanticCustomError("no-target", "write 'url', or 'block_document_id' with a Prefect server")
        if self.payload is not None and self.block_document_id is None:
            raise PydanticCustomError(
                "bad-field", "'payload' belongs to 'block_document_id'; write 'body'", {"at": ("payload",)}
            )
        return self

    @property
    def target(self) -> str:
        """The address as it is written."""
        return self.url or self.block_document_id or ""

    @property
    def prefect_only(self) -> bool:
        """True when it is a block of Prefect's."""
        return self.block_document_id is not None


class SendNotification(ActionDocument):
    """Tell somebody. `to` names notifications of the settings; a `block_document_id` is Prefect's."""

    text: ClassVar[tuple[str, ...]] = ("subject", "body")

    type: Literal["send-notification"]
    to: Annotated[
        tuple[Name, ...], BeforeValidator(one_or_more), Field(strict=False), WithJsonSchema(ONE_OR_MORE)
    ] = ()
    subject: str | None = None
    body: Name
    block_document_id: Name | None = None

    @model_validator(mode="after")
    def _one_way(self) -> SendNotification:
        if bool(self.to) == (self.block_document_id is not None):
            raise PydanticCustomError("no-target", "write 'to', or 'block_document_id' with a Prefect server")
        return self

    @property
    def target(self) -> str:
        """Those who are told."""
        return ",".join(self.to) or self.block_document_id or ""

    @property
    def prefect_only(self) -> bool:
        """True when it is a block of Prefect's."""
        return self.block_document_id is not None


class EmitEvent(ActionDocument):
    """Send an event of our own, which rules see like any other."""

    typed: ClassVar[tuple[str, ...]] = ("payload",)
    text: ClassVar[tuple[str, ...]] = ("event", "resource", "related")

    type: Literal["emit-event"]
    event: Name
    resource: ResourceLabels
    related: tuple[RelatedLabels, ...] = Field(default=(), strict=False)
    payload: NullableObject = Field(default_factory=dict)

    @property
    def target(self) -> str:
        """The event's name as it is written."""
        return self.event


class DoNothing(ActionDocument):
    """Record the firing and nothing else."""

    type: Literal["do-nothing"]


Action = Annotated[
    RunDeployment
    | CallWebhook
    | SendNotification
    | EmitEvent
    | PauseAutomation
    | ResumeAutomation
    | PauseDeployment
    | ResumeDeployment
    | PauseWorkPool
    | ResumeWorkPool
    | PauseWorkQueue
    | ResumeWorkQueue
    | CancelFlowRun
    | SuspendFlowRun
    | ResumeFlowRun
    | DeleteFlowRun
    | ChangeFlowRunState
    | DoNothing,
    Field(discriminator="type"),
]

"""What the Kafka sink writes: an action that was asked for, rendered, as JSON for others to read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from automations.model.action import ActionRequest
from automations.model.automation import ActionList

VERSION = 1


class InferredObject(BaseModel):
    """The object that the event is about."""

    system: Annotated[str, Field(description="Whose it is: automations, prefect")]
    id: str
    name: str


class RunDeploymentAction(BaseModel):
    """Start a run. One of `deployment`, `deployment_id` and `inferred` tells of what."""

    type: Literal["run-deployment"]
    source: Literal["selected", "inferred"] = "selected"
    deployment: Annotated[str, Field(description="FLOW/NAME")] | None = None
    deployment_id: str | None = None
    inferred: InferredObject | None = None
    parameters: dict[str, Any]
    job_variables: Annotated[dict[str, Any], Field(description="The run's own: they go over the deployment's")]
    tags: list[str]
    schedule_after: Annotated[str, Field(description="A duration, such as 5m", examples=["0s", "5m"])]


class OtherAction(BaseModel):
    """Any other action, as a rule writes it."""

    type: str


class ActionMessage(BaseModel):
    """One record's value. New keys may come; a change of what is here has another version."""

    version: Literal[1]
    id: Annotated[str, Field(description="The idempotency key: twice the same id is one action")]
    firing: Annotated[str, Field(description="Which firing asked for it; the record's key")]
    automation: Annotated[str, Field(description="Name of the automation")]
    list: Annotated[ActionList, Field(description="The list of the automation that it stands in")]
    index: Annotated[int, Field(description="Its place in that list", ge=0)]
    cause: Annotated[str | None, Field(description="SOURCE/ID of the event; null where time fired")]
    hops: Annotated[int, Field(description="How many events caused one another before this one", ge=0)]
    action: RunDeploymentAction | OtherAction
    templates: Annotated[
        dict[str, str],
        Field(description="What an event filled: JSON pointer inside of the action, and the template there"),
    ]


def message_of(request: ActionRequest) -> dict[str, Any]:
    """The message of an action request."""
    told = request.to_dict()
    del told["type"], told["body"]
    return {"version": VERSION, **told, "action": request.readable()}

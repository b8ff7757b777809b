"""What the API answers: stable JSON of each record. Times are RFC 3339 in UTC."""

from automations.server.views.administration import (
    ActionCounts,
    ApiKeyView,
    EventCounts,
    FiringCounts,
    GatewayStatusView,
    NewApiKeyView,
    RulesView,
    SinkView,
    StatusView,
)
from automations.server.views.jobs import DeployedView, DeploymentView, WorkPoolView
from automations.server.views.pages import ListView
from automations.server.views.records import (
    ActionView,
    DeadLetterView,
    EventView,
    ExplanationView,
    FindingView,
    FiringView,
    RedrivenView,
    TraceView,
)
from automations.server.views.runs import LogLineView, ProvenanceView, RunCreatedView, RunView

__all__ = [
    "ActionCounts",
    "ActionView",
    "ApiKeyView",
    "DeadLetterView",
    "DeployedView",
    "DeploymentView",
    "EventCounts",
    "EventView",
    "ExplanationView",
    "FindingView",
    "FiringCounts",
    "FiringView",
    "GatewayStatusView",
    "ListView",
    "LogLineView",
    "NewApiKeyView",
    "ProvenanceView",
    "RedrivenView",
    "RulesView",
    "RunCreatedView",
    "RunView",
    "SinkView",
    "StatusView",
    "TraceView",
    "WorkPoolView",
]

"""How it goes: the ledger, health, readiness, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from automations.errors import StoreUnavailableError
from automations.model.document import JsonObject
from automations.model.moment import format_moment
from automations.model.ruleset import RuleSet
from automations.server.metrics import ledger_counts
from automations.server.problems import problem
from automations.server.services import OperationServices, Services, Serving, ServingOperations
from automations.server.views import RulesView, SinkView, StatusView

router = APIRouter(tags=["status"])
metrics = APIRouter(tags=["status"])
_NEVER_LOADED = RuleSet().revision


@router.get("/api/status", summary="The ledger, the rules, the sinks")
async def get_status(services: Serving) -> StatusView:
    """Return the counts of one moment; they always add up."""
    return await status_of(services)


async def status_of(services: OperationServices) -> StatusView:
    """Ask the store and the engine."""
    ledger = await services.store.reads.ledger()
    sinks = await services.store.reads.sink_errors()
    rules = services.engine.rules_status()
    counts: dict[str, Any] = ledger_counts(ledger)
    return StatusView(
        **counts,
        duplicates=ledger.duplicates,
        backlog_bytes=ledger.backlog_bytes,
        revision=rules.revision,
        rules=RulesView(loaded=rules.loaded, errors=list(rules.errors)),
        sinks={name: _sink(state) for name, state in sinks.items()},
    )


def _sink(state: JsonObject) -> SinkView:
    at = state.get("at")
    return SinkView(
        pending=state["pending"],
        last_error=state.get("last_error"),
        at=None if at is None else format_moment(at),
    )


@router.get("/readyz", summary="Ready: rules are loaded, the store takes writes", response_model=dict[str, str])
async def readyz(services: Serving) -> Any:
    """Answer 200, or a problem with what is missing (503)."""
    missing = await _missing(services)
    return {"status": "ready"} if missing is None else problem(503, "not-ready", missing)


async def _missing(services: Services) -> str | None:
    if services.engine.rules_status().revision == _NEVER_LOADED:
        return "no rules have been loaded"
    try:
        await services.store.write(lambda _tx: None)
    except StoreUnavailableError:
        return "the store takes no writes"
    return None


@metrics.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def get_metrics(services: ServingOperations) -> Response:
    """Return the text format."""
    ledger = await services.store.reads.ledger()
    text = services.metrics.render(ledger, services.engine.rules_status())
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

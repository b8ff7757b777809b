"""Keys and the status."""

from __future__ import annotations

from pydantic import BaseModel, Field

from automations.model.moment import format_moment
from automations.ports import ApiKey
from automations.server.views.pages import shown


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created: str
    revoked: str | None

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyView:
        """Show a key."""
        return cls(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            created=format_moment(key.created),
            revoked=shown(key.revoked),
        )


class NewApiKeyView(ApiKeyView):
    """A key that was just made. `key` is shown this once."""

    key: str


class EventCounts(BaseModel):
    """Always accepted = processed + pending."""

    accepted: int
    processed: int
    pending: int


class ActionCounts(BaseModel):
    """Always planned = delivered + dead + pending."""

    planned: int
    delivered: int
    dead: int
    pending: int


class FiringCounts(BaseModel):
    """What guards held back is counted apart."""

    fired: int
    suppressed: int


class RulesView(BaseModel):
    """`errors` are the problems of files that were not taken; then `revision` is the last good one."""

    loaded: int
    errors: list[str]


class SinkView(BaseModel):
    """Actions that wait for a sink, and what went wrong there last."""

    pending: int
    last_error: str | None = Field(default=None)
    at: str | None = Field(default=None)


class StatusView(BaseModel):
    """The ledger and what is in force."""

    events: EventCounts
    actions: ActionCounts
    firings: FiringCounts
    duplicates: int
    backlog_bytes: int
    revision: str
    rules: RulesView
    sinks: dict[str, SinkView]


class GatewayStatusView(StatusView):
    """As a read model tells it. `behind`: records that it has yet to read; null before it knows."""

    behind: int | None

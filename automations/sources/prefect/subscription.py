"""Which server's events are fetched, and which of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from automations.engine.conditions import Alternatives
from automations.model.document import JsonObject


@dataclass(frozen=True, slots=True)
class PrefectSubscription:
    """A declared source with its secrets resolved. `since`: how far back the first start reaches, in microseconds.
    `events` are names as in `expect`; none: all.
    """

    name: str
    api_url: str
    api_key: str | None = field(default=None, repr=False)
    auth_string: str | None = field(default=None, repr=False)
    since: int = 0
    events: tuple[str, ...] = ()

    @property
    def token(self) -> str | None:
        """What opens the stream of events."""
        return self.api_key or self.auth_string

    @property
    def headers(self) -> Mapping[str, str]:
        """What opens the REST API: Cloud takes a key, a server behind a user name and password takes those."""
        if self.api_key is not None:
            return {"Authorization": f"Bearer {self.api_key}"}
        if self.auth_string is not None:
            return {"Authorization": f"Basic {base64.b64encode(self.auth_string.encode()).decode()}"}
        return {}

    @property
    def name_filter(self) -> JsonObject | None:
        """What the server can leave out by itself. It joins its conditions by 'and', so that all names go as
        prefixes; `wants` decides.
        """
        prefixes = {name.partition("*")[0] for name in self.events if not name.startswith("!")}
        return {"prefix": sorted(prefixes)} if prefixes and "" not in prefixes else None

    def wants(self) -> Callable[[str], bool]:
        """Return the test of an event's name."""
        return Alternatives.of(self.events).text_predicate()

"""The event: what happened, to which resource, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from automations.model.moment import SECOND, format_moment, parse_moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automations.model.document import JsonObject

RESOURCE_ID: Final = "prefect.resource.id"
RESOURCE_NAME: Final = "prefect.resource.name"
RESOURCE_ROLE: Final = "prefect.resource.role"
SHORT_LABELS: Final[Mapping[str, str]] = {"id": RESOURCE_ID, "name": RESOURCE_NAME, "role": RESOURCE_ROLE}
MAX_AHEAD: Final = 60 * SECOND
"""How far an event's own clock may run ahead of ours before it is cut back (rules.md section 2)."""
MAX_HOPS: Final = 10


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the door accepted it. Labels have their long names; times are in microseconds.

    `payload` and the label mappings are shared, never changed.
    """

    source: str
    id: str
    name: str
    occurred: int
    received: int
    resource: Mapping[str, str]
    related: Sequence[Mapping[str, str]] = ()
    payload: Mapping[str, object] | None = None
    follows: str | None = None
    hops: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The identity: two events with the same key are one event."""
        return (self.source, self.id)

    @property
    def ref(self) -> str:
        """The identity as one string, `source/id`."""
        return f"{self.source}/{self.id}"

    @property
    def time(self) -> int:
        """The event time: `occurred`, but never more than 60 s ahead of `received`."""
        return min(self.occurred, self.received + MAX_AHEAD)

    def to_dict(self) -> JsonObject:
        """The canonical JSON object: what is stored, what the API serves, what `from_dict` reads."""
        return {
            "source": self.source,
            "id": self.id,
            "event": self.name,
            "occurred": format_moment(self.occurred),
            "received": format_moment(self.received),
            "resource": self.resource,
            "related": self.related,
            "payload": self.payload or {},
            "follows": self.follows,
            "hops": self.hops,
        }

    @classmethod
    def from_dict(cls, data: JsonObject) -> Event:
        """Read the canonical object. It is trusted: the door has validated it."""
        return cls(
            source=data["source"],
            id=data["id"],
            name=data["event"],
            occurred=parse_moment(data["occurred"]),
            received=parse_moment(data["received"]),
            resource=data["resource"],
            related=data["related"],
            payload=data["payload"],
            follows=data["follows"],
            hops=data["hops"],
        )

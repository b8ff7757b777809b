"""An event as the oracle sees it: labels in their long form, and the time at which it counts."""

from dataclasses import dataclass
from typing import Any

SECOND = 1_000_000
AHEAD = 60 * SECOND  # a clock that runs ahead is believed this far
SHORT = {"id": "prefect.resource.id", "name": "prefect.resource.name", "role": "prefect.resource.role"}

Labels = dict[str, str]


def long_label(label: str) -> str:
    return SHORT.get(label, label)


def long_labels(labels: dict[str, Any]) -> dict[str, Any]:
    return {long_label(label): value for label, value in labels.items()}


@dataclass(frozen=True, eq=False)
class Occurrence:
    """One event: `t` its event time, `received` its receipt (microseconds), `arrival` its place in the stream."""

    reference: str  # source/id
    name: str
    t: int
    received: int
    arrival: int
    resource: Labels
    related: tuple[Labels, ...]
    payload: dict[str, Any]

    @property
    def order(self) -> tuple[int, int]:
        """Event time, and among equal times the order of arrival."""
        return (self.t, self.arrival)


def reference_of(event: dict[str, Any]) -> str:
    return f"{event['source']}/{event['id']}"


def occurrence(event: dict[str, Any], arrival: int) -> Occurrence:
    return Occurrence(
        reference=reference_of(event),
        name=event["event"],
        t=min(event["occurred"], event["received"] + AHEAD),
        received=event["received"],
        arrival=arrival,
        resource=long_labels(event["resource"]),
        related=tuple(long_labels(labels) for labels in event.get("related", ())),
        payload=event.get("payload", {}),
    )

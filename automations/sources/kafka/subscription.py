"""Which topic's records are fetched, and what makes events of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from automations.ingest import CompiledMapping, OpenDoor, WebhookSource

Start = Literal["earliest", "latest"]


@dataclass(frozen=True, slots=True)
class KafkaSubscription:
    """A declared source. `start`: where one that never read begins. `group`: a consumer group that is told how far
    it has read, for those who watch that. Two are the same whose mappings, as JSON, are the same.
    """

    name: str
    topic: str
    start: Start = "latest"
    group: str | None = None
    written: str = ""
    mapping: CompiledMapping | None = field(default=None, compare=False)

    @property
    def hook(self) -> WebhookSource:
        """Its records are read as the bodies of a webhook are."""
        return WebhookSource(self.name, OpenDoor(), self.mapping)

    def cursor(self, partition: int) -> str:
        """The name under which the store keeps how far a partition was read."""
        return f"{self.name}/{self.topic}/{partition}"

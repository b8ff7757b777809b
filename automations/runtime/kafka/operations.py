"""What operators may ask of a cluster, and decide about it, from any place that reaches Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from automations.engine.explain import explain_stored
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.ports import PausableKind, RulesStatus
from automations.runtime.feed import Feed
from automations.runtime.in_force import described, require_automation
from automations.runtime.kafka import rules as topic_of_rules
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.deciding import deciding
from automations.runtime.kafka.decisions import Decide, Decided, discard, redrive
from automations.runtime.kafka.read_model import ReadModel
from automations.runtime.kafka.rules import RuleFollower
from automations.runtime.kafka.topics import Topology
from automations.runtime.kafka.unreachable import reaching

_SEEN: Final = 5.0
"""Seconds that it waits until what was decided shows here, too."""


class ClusterOperations:
    """Implements `ports.Operations`: the rules that the workers follow, what the read model tells, and decisions,
    which are records. What raises for Kafka raises KafkaUnreachableError.
    """

    def __init__(
        self, cluster: Cluster, topology: Topology, rules: RuleFollower, read_model: ReadModel, feed: Feed
    ) -> None:
        self._cluster, self._topology = cluster, topology
        self._rules, self._read_model, self._feed = rules, read_model, feed

    def rules_status(self) -> RulesStatus:
        """Tell which rules are in force."""
        rules = self._rules.current.index.rules
        return RulesStatus(rules.revision, len(rules), len(rules))

    def explain(self, event: Event, trace: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """Tell for each automation what became of a stored event, with what the stages recorded of it."""
        return [each.to_dict() for each in explain_stored(self._rules.current.index, event, trace)]

    def messages(self) -> AsyncIterator[JsonObject]:
        """Yield what the read model takes up from now on."""
        return self._feed.messages()

    def automations(self) -> Sequence[JsonObject]:
        """Return every automation: its document, `paused`, `location`, `stateless`."""
        return described(self._rules.current.index, self._rules.current.paused)

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume an automation at all workers; NotFoundError suggests."""
        require_automation(self._rules.current.index, name)
        with reaching(self._cluster.bootstrap):
            version = await topic_of_rules.set_paused(self._cluster, self._topology, kind, name, paused)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEEN):
                await self._rules.reach(version)

    async def redrive(self, dead_letter: str) -> str | None:
        """Send what a letter holds again; returns the new id of an action. NotFoundError, ConflictError,
        DecidedElsewhereError.
        """
        return (await self._decide(dead_letter, redrive)).closed.redriven_as

    async def discard(self, dead_letter: str) -> None:
        """Give a letter up; raises the same."""
        await self._decide(dead_letter, discard)

    async def _decide(self, dead_letter: str, decide: Decide) -> Decided:
        with reaching(self._cluster.bootstrap):
            async with deciding(self._cluster, self._topology) as begun:
                ((_, outcome),) = [told async for told in begun.decide([dead_letter], decide)]
        if not isinstance(outcome, Decided):
            raise outcome
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEEN):
                await self._read_model.caught_up()
        return outcome

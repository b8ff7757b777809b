"""The dead letters of a topic, for the commands. `require_kafka` comes before this is imported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from automations.errors import AutomationsError
from automations.model.moment import format_moment
from automations.runtime.kafka.dead_letters import DeadLetters, LetterRow, LetterState
from automations.runtime.kafka.deciding import deciding
from automations.runtime.kafka.decisions import Decide, Decided, Outcome, discard, redrive
from automations.runtime.kafka.records import DeadLetter
from automations.runtime.kafka.unreachable import reaching
from automations.settings import Settings
from automations.wiring.kafka import cluster_of, topology_of

Answer = Mapping[str, Any] | AutomationsError


class TopicLetters:
    """Shows letters as the HTTP API does, as far as they are alike. Every method: KafkaUnreachableError."""

    def __init__(self, settings: Settings) -> None:
        self._cluster, self._topology = cluster_of(settings), topology_of(settings)
        self._letters = DeadLetters(self._cluster, self._topology)

    async def ls(self, state: LetterState | None, limit: int | None) -> Sequence[Mapping[str, Any]]:
        """The newest letters of a state, or of all."""
        with reaching(self._cluster.bootstrap):
            return [_shown(row) for row in (await self._letters.rows(state))[:limit]]

    async def get(self, letter: str) -> Mapping[str, Any]:
        """A letter with its content; NotFoundError."""
        with reaching(self._cluster.bootstrap):
            row, content = await self._letters.find(letter)
            return {**_shown(row), **_content(content)}

    async def redrive(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Send letters again; yields for each where to, and for an action its new id, or why it stays as it is."""
        async for letter, outcome in self._decide(letters, redrive):
            if isinstance(outcome, Decided):
                topic = outcome.sent.topic if outcome.sent else None
                yield letter, {"action": outcome.closed.redriven_as, "topic": topic}
            else:
                yield letter, outcome

    async def discard(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Give letters up; yields each, or why it stays as it is."""
        async for letter, outcome in self._decide(letters, discard):
            if isinstance(outcome, Decided):
                yield letter, _shown(replace(outcome.letter, closed=outcome.closed))
            else:
                yield letter, outcome

    async def _decide(self, letters: Sequence[str], decide: Decide) -> AsyncIterator[tuple[str, Outcome]]:
        with reaching(self._cluster.bootstrap):
            async with deciding(self._cluster, self._topology) as begun:
                async for told in begun.decide(letters, decide):
                    yield told


def _shown(row: LetterRow) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "code": row.code,
        "reason": row.reason,
        "created": format_moment(row.created),
        "state": row.state,
        "automation": row.automation,
        "event": row.event,
        "redriven_as": row.closed.redriven_as if row.closed else None,
        "stage": row.stage,
        "revision": row.revision,
        "origin": asdict(row.origin) if row.origin else None,
    }


def _content(letter: DeadLetter) -> Mapping[str, Any]:
    """Key, headers and value as text; a value that is JSON as what it is."""
    return {
        "key": _text(letter.key),
        "headers": {name: _text(value) for name, value in letter.headers},
        "value": _value(letter.value),
    }


def _value(raw: bytes | None) -> Any:
    try:
        return orjson.loads(raw or b"null")
    except orjson.JSONDecodeError:
        return _text(raw)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "backslashreplace")

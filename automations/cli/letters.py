"""Where dead letters are: an engine, or a topic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

from automations.cli.client import ApiError, Client, segment, with_client
from automations.cli.kafka import kafka_settings
from automations.errors import AutomationsError

T = TypeVar("T")
State = Literal["open", "redriven", "discarded"]
Answer = Mapping[str, Any] | AutomationsError
"""What was made of a letter, or why it stays as it is."""
_ALL: Final = 10**9


class Letters(Protocol):
    """Letters as JSON objects, each with `id`, `kind`, `code`, `automation`, `created`, `reason`."""

    async def ls(self, state: State | None, limit: int | None) -> Sequence[Mapping[str, Any]]:
        """The newest letters of a state, or of all."""
        ...

    async def get(self, letter: str) -> Mapping[str, Any]:
        """A letter with all that is known of it."""
        ...

    def redrive(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Send letters again; what is answered has `action`, the new id of one."""
        ...

    def discard(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Give letters up; what is answered is the letter."""
        ...


class EngineLetters:
    """Those of a running engine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ls(self, state: State | None, limit: int | None) -> Sequence[Mapping[str, Any]]:
        """The newest letters of a state, or of all."""
        listing = self._client.items("/api/dead-letters", limit or _ALL, state=state or "all")
        return [item async for item in listing]

    async def get(self, letter: str) -> Mapping[str, Any]:
        """A letter, with its action."""
        found: Mapping[str, Any] = await self._client.get(f"/api/dead-letters/{segment(letter)}")
        return found

    def redrive(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Plan actions anew, one by one."""
        return self._post(letters, "redrive")

    def discard(self, letters: Sequence[str]) -> AsyncIterator[tuple[str, Answer]]:
        """Give letters up, one by one."""
        return self._post(letters, "discard")

    async def _post(self, letters: Sequence[str], verb: str) -> AsyncIterator[tuple[str, Answer]]:
        for letter in letters:
            try:
                yield letter, await self._client.post(f"/api/dead-letters/{segment(letter)}/{verb}")
            except ApiError as error:
                yield letter, error


def with_letters(work: Callable[[Letters], Awaitable[T]], kafka: str | None) -> T:
    """Run `work` with the letters of the topic at `kafka`, or else of the running engine."""
    if kafka is None:
        return with_client(lambda client: work(EngineLetters(client)))
    settings = kafka_settings(kafka)
    from automations.logs import configure_logs
    from automations.wiring.topic_letters import TopicLetters

    configure_logs("error", settings.log_format)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # who is fenced leaves futures that nobody asks

    async def run() -> T:
        return await work(TopicLetters(settings))

    return asyncio.run(run())

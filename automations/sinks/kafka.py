"""The Kafka sink: an action as a record, for whoever carries it out there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, Final, Protocol, get_args

import orjson
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from automations.errors import AutomationsError, PrepareError
from automations.model.action import ActionRequest
from automations.model.action_document import Action
from automations.model.document import Document, JsonObject
from automations.model.moment import SECOND, Duration
from automations.model.reason import Reason
from automations.ports import Dead, Delivery, Done, Retry
from automations.sinks.action_message import message_of

_ACTION_TYPES: Final = frozenset(
    get_args(document.model_fields["type"].annotation)[0] for document in get_args(get_args(Action)[0])
)


def _known_actions(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in _ACTION_TYPES:
            known = ", ".join(sorted(_ACTION_TYPES))
            told = {"name": name, "known": known}
            raise PydanticCustomError("bad-action", "there is no action {name}; there are {known}", told)
    return names


class KafkaSinkSettings(Document):
    """Where actions go, and which. `max_bytes` is of one record, `timeout` for one delivery."""

    topic: Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$")]
    actions: Annotated[tuple[str, ...], Field(strict=False, min_length=1), AfterValidator(_known_actions)] = (
        "run-deployment",
    )
    max_bytes: Annotated[int, Field(ge=1024, le=4 << 20)] = 1_000_000
    timeout: Annotated[Duration, Field(ge=SECOND)] = 30 * SECOND


class WriteRecord(Protocol):
    """Writes a record; returns where it stands once it is acknowledged. AutomationsError, `recoverable` or not."""

    def __call__(
        self, topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Coroutine[Any, Any, str]:
        """Write it."""
        ...


class KafkaSink:
    """Implements `ports.Sink`. A record's key is the firing's id; the action's id is in its value and its header
    `idempotency-key`. A delivery that was not acknowledged in time goes on: the retry waits for the same record,
    and only one that failed is written again.
    """

    local = False

    def __init__(
        self, settings: KafkaSinkSettings, write: WriteRecord, close: Callable[[], Awaitable[None]]
    ) -> None:
        self.action_types = frozenset(settings.actions)
        self._settings = settings
        self._write, self._close = write, close
        self._under_way: dict[str, asyncio.Task[str]] = {}

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Write the record out; PrepareError `too-large`."""
        value = orjson.dumps(message_of(request))
        if len(value) > self._settings.max_bytes:
            raise PrepareError(
                f"the record has {len(value)} bytes, more than {self._settings.max_bytes}",
                code=Reason.TOO_LARGE,
                hint="send less, or raise max_bytes of the sink and max.message.bytes of its topic",
            )
        return {"id": request.id, "type": request.type, "key": request.firing, "value": value.decode()}

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Done once all copies have the record."""
        identity, seconds = prepared["id"], self._settings.timeout / SECOND
        task = self._under_way.get(identity)
        if task is None:
            task = self._under_way[identity] = self._begin(prepared)
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            return Retry(f"no acknowledgement within {seconds:g} s")
        self._under_way.pop(identity, None)
        try:
            return Done(task.result())
        except AutomationsError as error:
            return Retry(error.message) if error.recoverable else Dead(error.code, str(error))

    def _begin(self, prepared: JsonObject) -> asyncio.Task[str]:
        key, value = prepared["key"].encode(), prepared["value"].encode()
        return asyncio.create_task(self._write(self._settings.topic, key, value, _headers(prepared)))

    async def close(self) -> None:
        """Let go of the connections."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._close()


def _headers(prepared: JsonObject) -> list[tuple[str, bytes]]:
    named = {
        "content-type": "application/json",
        "idempotency-key": prepared["id"],
        "action-type": prepared["type"],
    }
    return [(name, value.encode()) for name, value in named.items()]

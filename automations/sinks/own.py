"""The sink of our own objects: automations, deployments, work pools, runs and events of this engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import orjson

from automations.errors import ConflictError, NotFoundError, PrepareError, Refused, StoreUnavailableError
from automations.ingest import Limits, read_request
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.job import Run
from automations.ports import Clock, Dead, Delivery, Done, PausableKind, Retry

SOURCE: Final = "automations"
_KINDS: Final[Sequence[PausableKind]] = ("automation", "deployment", "work-pool")
_PAUSES: Final = {f"{verb}-{kind}": (kind, verb == "pause") for verb in ("pause", "resume") for kind in _KINDS}
_FIELDS: Final = ("event", "resource", "related", "payload")
_JSON: Final[Mapping[str, str]] = {"content-type": "application/json"}


class OwnObjects(Protocol):
    """What the sink acts on: the running engine."""

    def named(self, kind: PausableKind, name: str) -> str:
        """Return an object's whole name; NotFoundError suggests, ConflictError where several have the name."""
        ...

    async def set_paused(self, kind: PausableKind, name: str, paused: bool) -> None:
        """Pause or resume; NotFoundError."""
        ...

    async def cancel_run(self, run: str) -> Run:
        """Cancel a run; NotFoundError, ConflictError where it has ended."""
        ...

    async def emit(self, event: Event) -> None:
        """Process and store an event of our own; one that is known changes nothing. StoreUnavailableError."""
        ...


class OwnSink:
    """Implements `ports.Sink`. Repeating a delivery changes nothing: a pause stays a pause, a run that has ended
    has ended, and an emitted event has the action's id, so its repetition is a duplicate.
    """

    action_types = frozenset({*_PAUSES, "cancel-flow-run", "emit-event"})
    local = False

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock, self._limits = clock, limits
        self._objects: OwnObjects | None = None

    def connect(self, objects: OwnObjects) -> None:
        """Say what to act on, before the first delivery."""
        self._objects = objects

    @property
    def _engine(self) -> OwnObjects:
        assert self._objects is not None, "connect() comes first"  # noqa: S101
        return self._objects

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Name the object, or build the event. PrepareError: `not-found` and `ambiguous` objects, those of a
        Prefect server (`refused`), and an event that the door would refuse, under the door's code.
        """
        if request.type == "emit-event":
            return {"event": self._event(request).to_dict()}
        if request.type == "cancel-flow-run":
            return {"run": _own(request.body["inferred"])}
        kind, paused = _PAUSES[request.type]
        try:
            name = self._engine.named(kind, _name(request, kind))
        except (NotFoundError, ConflictError) as error:
            raise PrepareError(error.message, code=error.code, hint=error.hint) from None
        return {"kind": kind, "name": name, "paused": paused}

    def _event(self, request: ActionRequest) -> Event:
        """The rendered event, taken through the door like any other; its id and its hops are ours."""
        body = orjson.dumps(
            {"id": request.id, **{key: request.body[key] for key in _FIELDS if key in request.body}}
        )
        reading = read_request(body, _JSON, source=SOURCE, received=self._clock.now(), limits=self._limits)
        (event,) = reading.items
        if not isinstance(event, Event):
            assert isinstance(event, Refused), "only a mapping drops events"  # noqa: S101
            raise PrepareError(f"the event: {event.message}", code=event.code, hint=event.hint)
        return replace(event, follows=request.cause, hops=request.hops + 1)

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Act."""
        try:
            return Done(await self._carry_out(prepared))
        except (NotFoundError, ConflictError) as error:
            return Dead(error.code, f"{error.message}; {error.hint}" if error.hint else error.message)
        except StoreUnavailableError as error:
            return Retry(error.message)

    async def _carry_out(self, prepared: JsonObject) -> str:
        if "event" in prepared:
            event = Event.from_dict(prepared["event"])
            await self._engine.emit(replace(event, received=self._clock.now()))
            return event.ref
        if "run" in prepared:
            return await self._cancel(prepared["run"])
        await self._engine.set_paused(prepared["kind"], prepared["name"], prepared["paused"])
        return f"{prepared['kind']} {prepared['name']}"

    async def _cancel(self, run: str) -> str:
        try:
            await self._engine.cancel_run(run)
        except ConflictError as error:
            if error.code != "run-ended":  # several runs have that name
                raise
            return f"{run} had ended"
        return run

    async def close(self) -> None:
        """There is nothing to let go of."""


def _name(request: ActionRequest, kind: PausableKind) -> str:
    field = kind.replace("-", "_")
    if f"{field}_id" in request.body:
        raise _of_prefect(kind)
    return _own(request.body["inferred"]) if "inferred" in request.body else str(request.body[field])


def _own(inferred: JsonObject) -> str:
    if inferred["system"] != "automations":
        raise _of_prefect("object")
    return str(inferred["id"])


def _of_prefect(what: str) -> PrepareError:
    return PrepareError(
        f"the {what} is a Prefect server's", hint="name one of this engine, or send the action to a Prefect sink"
    )

"""The notification sink: `send-notification` by Apprise, which speaks to a hundred services and more."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from apprise import Apprise, AppriseResult, NotifyFormat

from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.ports import Dead, Delivery, Done, Retry

_TIMEOUT: Final = 60
"""Seconds for one service; within it, Apprise waits 4 s for a connection and 4 s for an answer unless its URL says
otherwise (`?cto=`, `?rto=`).
"""
_TOLD: Final = 10_000
"""Notifications whose delivery is remembered."""
_ERROR: Final = re.compile(r"\berror=(\w{1,16})\b")
"""Where Apprise's messages give a service's status. The rest of them may hold parts of its URL."""


class NotificationSink:
    """Implements `ports.Sink`. `urls` are Apprise's, by name: the operator's own, so rendered text never gets
    into one. Each name is told once as long as the engine runs: a retry tells those that were not reached. These
    services know no idempotency key, so a crash in between tells somebody again, and so does a service that takes
    it after all when we have stopped waiting.
    """

    action_types = frozenset({"send-notification"})
    local = False

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._services = {name: _service(name, url) for name, url in urls.items()}
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Check who is told. PrepareError for names that are not in the settings, and for an empty text."""
        if "block_document_id" in request.body:
            raise PrepareError("the block is a Prefect server's", hint="send the action to a Prefect sink")
        names = list(dict.fromkeys(request.body["to"]))
        if unknown := self._unknown(names):
            raise PrepareError(unknown, code="not-found", hint="declare it with a url in automations.toml")
        body, subject = request.body["body"], request.body.get("subject") or ""
        if not body.strip():
            raise PrepareError("the rendered body is empty")
        return {"id": request.id, "to": names, "subject": subject, "body": body}

    def _unknown(self, names: list[str]) -> str | None:
        unknown = next((name for name in names if name not in self._services), None)
        return None if unknown is None else f"the settings have no [notifications.{unknown}]"

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Tell everybody who was not told yet, all at once."""
        names: list[str] = prepared["to"]
        if unknown := self._unknown(names):  # it left the settings since
            return Dead("not-found", unknown)
        answers = await asyncio.gather(*(self._tell(name, prepared) for name in names))
        missed = [f"{name} ({why})" for name, why in zip(names, answers, strict=True) if why is not None]
        return Retry(f"not taken by {', '.join(missed)}") if missed else Done(", ".join(names))

    async def _tell(self, name: str, prepared: JsonObject) -> str | None:
        """Tell one; return why it did not take it."""
        key = (prepared["id"], name)
        if key in self._told:
            return None
        result = await self._services[name].async_notify(
            body=prepared["body"], title=prepared["subject"], body_format=NotifyFormat.TEXT, timeout=_TIMEOUT
        )
        if not result:
            return _why(result)
        self._told[key] = None
        if len(self._told) > _TOLD:
            self._told.popitem(last=False)
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


def _why(result: AppriseResult) -> str:
    if result.timeout_count:
        return f"no answer within {_TIMEOUT}s"
    errors = [found[1] for entry in result.logs() if (found := _ERROR.search(entry.message))]
    return f"error {errors[-1]}" if errors else "not reached, or refused"


def _service(name: str, url: str) -> Apprise:
    service = Apprise()
    if not service.add(url) or len(service) != 1:  # of several, each retry would tell all again
        raise SettingsError(
            f"[notifications.{name}] url is not one URL that Apprise knows",  # the URL itself may be a secret
            hint="write one such as mailto://, slack://, json://; see Apprise's list of services",
        )
    return service

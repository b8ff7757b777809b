"""The notification sink: `send-notification` by Apprise, which speaks to a hundred services and more."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from apprise import Apprise, NotifyFormat

from automations.errors import PrepareError, SettingsError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.ports import Delivery, Done, Retry

_TIMEOUT: Final = 60.0
"""Seconds for one service; within it, Apprise waits 4 s for a connection and 4 s for an answer unless its URL says
otherwise (`?cto=`, `?rto=`).
"""
_TOLD: Final = 10_000
"""Notifications whose delivery is remembered."""


class NotificationSink:
    """Implements `ports.Sink`. `urls` are Apprise's, by name: the operator's own, so rendered text never gets
    into one. Each name is told once as long as the engine runs: a retry tells those that were not reached. These
    services know no idempotency key, so a crash in between tells somebody again.
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
        unknown = [name for name in request.body["to"] if name not in self._services]
        if unknown:
            hint = "declare [notifications.NAME] with a url in automations.toml"
            raise PrepareError(f"there is no notification named {unknown[0]!r}", code="not-found", hint=hint)
        body, subject = request.body["body"], request.body.get("subject", "")
        if not body.strip():
            raise PrepareError("the rendered body is empty")
        return {"id": request.id, "to": list(request.body["to"]), "subject": subject, "body": body}

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Tell everybody who was not told yet."""
        missed = [name for name in prepared["to"] if not await self._tell(name, prepared)]
        if missed:
            return Retry(f"not taken by {', '.join(missed)}")
        return Done(", ".join(prepared["to"]))

    async def _tell(self, name: str, prepared: JsonObject) -> bool:
        key = (prepared["id"], name)
        if key in self._told:
            return True
        try:
            async with asyncio.timeout(_TIMEOUT):
                taken = await asyncio.to_thread(_notify, self._services[name], prepared)
        except TimeoutError:
            return False
        if taken:
            self._told[key] = None
            if len(self._told) > _TOLD:
                self._told.popitem(last=False)
        return taken

    async def close(self) -> None:
        """There is nothing to let go of."""


def _notify(service: Apprise, prepared: JsonObject) -> bool:
    return bool(service.notify(body=prepared["body"], title=prepared["subject"], body_format=NotifyFormat.TEXT))


def _service(name: str, url: str) -> Apprise:
    service = Apprise()
    if not service.add(url):
        raise SettingsError(
            f"[notifications.{name}] url is none that Apprise knows",  # the URL itself may be a secret
            hint="write one such as mailto://, slack://, json://; see Apprise's list of services",
        )
    return service

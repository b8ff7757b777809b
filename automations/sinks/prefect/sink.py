"""The Prefect sink: actions as requests to a Prefect server's REST API."""

from __future__ import annotations

import asyncio
from typing import Final

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.reason import Reason
from automations.ports import Clock, Dead, Delivery, Done, Retry
from automations.sinks.prefect import flow_runs, switches
from automations.sinks.prefect.client import PrefectApi, PrefectUnavailableError, ReadSecret
from automations.sinks.prefect.creation import RunCreation
from automations.sinks.prefect.deployments import Deployments, Policies
from automations.sinks.prefect.run import prepare_run
from automations.sinks.prefect.settings import PrefectSettings

_RUN: Final = "run-deployment"


class PrefectSink:
    """Implements `ports.Sink`. Repeating a delivery changes nothing: a run has its idempotency key, a state its
    transition id, and a pause stays a pause.

    Blocks (`block_document_id`) are not called: the server's API offers no way to.
    """

    action_types = frozenset({_RUN, *flow_runs.ACTIONS, *switches.ACTIONS})
    local = False

    def __init__(self, settings: PrefectSettings, policies: Policies, secret: ReadSecret, clock: Clock) -> None:
        """`policies`: `flow/name` → job variable → entry, each with one of `enum`, `pattern`, `range`, `any`.
        Secrets are read at once: SettingsError.
        """
        self._clock = clock
        self._api = PrefectApi(settings, secret)
        self._deployments = Deployments(self._api, policies, clock)
        self._turn = asyncio.Lock()
        self._creation = RunCreation(self._api, self._turn, self._deployments.forget)

    async def prepare(self, request: ActionRequest) -> JsonObject:
        """Find what the action names and say what is sent: `method`, `path`, `body`, and how to read the answer.

        Raises PrepareError `not-found`, `ambiguous` or `refused`, JobVariableErrors, and, as something that may
        pass, PrefectUnavailableError.
        """
        return {"type": request.type, **await self._prepared(request)}

    async def _prepared(self, request: ActionRequest) -> JsonObject:
        if request.type in flow_runs.ACTIONS:
            return flow_runs.prepare_flow_run(request, self._clock.now())
        if request.type in switches.ACTIONS:
            return await switches.prepare_switch(request, self._api, self._deployments)
        name, by_id = switches.target_of(request, "deployment")
        return prepare_run(request, await self._deployments.find(name, by_id=by_id), self._clock.now())

    async def deliver(self, prepared: JsonObject) -> Delivery:
        """Send it, and read the answer."""
        try:
            if prepared["type"] == _RUN:
                return await self._creation.create(prepared)
            async with self._turn:
                if prepared["type"] in flow_runs.ACTIONS:
                    return await flow_runs.carry_out(prepared, self._api)
                return await self._switch(prepared)
        except PrefectUnavailableError as error:
            return Retry(error.message, error.after)
        except PrepareError as error:  # the run's states could not be read
            return Dead(error.code, error.message)

    async def _switch(self, prepared: JsonObject) -> Delivery:
        answer = await self._api.call(prepared["method"], prepared["path"], prepared["body"])
        return Done(prepared["path"]) if answer.accepted else Dead(Reason.REJECTED, answer.reason)

    async def close(self) -> None:
        """Close the connections."""
        await self._creation.close()
        await self._api.close()

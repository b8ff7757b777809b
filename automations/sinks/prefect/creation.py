"""Creating runs: one by one while the server keeps up, many with one request while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from automations.model.document import JsonObject
from automations.ports import Delivery, Done, Retry
from automations.sinks.prefect.client import Answer, PrefectApi, PrefectUnavailableError, path
from automations.sinks.prefect.run import created

MOST: Final = 100
"""The most runs that Prefect takes in one request."""
_NO_SUCH_ROUTE: Final = frozenset({404, 405})

_Sending = asyncio.Task[Sequence[Delivery]]


class RunCreation:
    """A group commit: while a request is under way, the runs of a deployment gather, and share one when its turn
    comes. An idle server is asked at once. One request at a time is what a server on SQLite bears: of several, it
    answers all but one with 503.

    The answer to a group is not believed: Prefect says 'created' before it commits, and a run that its database
    refuses can take the others back. So the group is read by its keys, and what is not there is sent again in
    smaller groups, at last by itself: that answer counts. The keys stay the same, so that no run is lost or made
    twice, and a bad one harms no other.
    """

    def __init__(self, api: PrefectApi, turn: asyncio.Lock, forget: Callable[[str], None]) -> None:
        """`turn` is held by whoever changes something on the server. `forget` is called with the id of a
        deployment that turns out to be gone.
        """
        self._api, self._turn, self._forget = api, turn, forget
        self._bulk = True
        self._gathering: dict[str, tuple[list[JsonObject], _Sending]] = {}
        self._running: set[_Sending] = set()

    async def create(self, prepared: JsonObject) -> Delivery:
        """Create one run. Cancelled, it leaves the others of its group to go on."""
        deployment: str = prepared["deployment_id"]
        group = self._gathering.get(deployment)
        if group is None or len(group[0]) == MOST:
            group = self._gather(deployment)
        runs, sending = group
        place = len(runs)
        runs.append(prepared)
        return (await asyncio.shield(sending))[place]

    async def close(self) -> None:
        """End what nobody waits for any more."""
        for sending in self._running:
            sending.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _gather(self, deployment: str) -> tuple[list[JsonObject], _Sending]:
        runs: list[JsonObject] = []
        sending = asyncio.create_task(self._send_in_turn(deployment, runs))
        self._running.add(sending)
        sending.add_done_callback(self._running.discard)
        self._gathering[deployment] = runs, sending
        return runs, sending

    async def _send_in_turn(self, deployment: str, runs: list[JsonObject]) -> Sequence[Delivery]:
        async with self._turn:
            if self._gathering[deployment][0] is runs:  # a full group has a successor already
                del self._gathering[deployment]
            return await self._send(runs)

    async def _send(self, runs: Sequence[JsonObject]) -> list[Delivery]:
        """Send a group; each outcome stands where its run does."""
        if len(runs) == 1 or not self._bulk:
            return await self._one_by_one(runs)
        try:
            answer = await self._together(runs)
            found = await self._found(runs) if answer.accepted else {}
        except PrefectUnavailableError as error:
            return [Retry(error.message, error.after)] * len(runs)
        missing = [run for run in runs if _key(run) not in found]
        if len(missing) < len(runs):
            sent = await self._send(missing) if missing else []
        elif answer.status in _NO_SUCH_ROUTE:
            sent = await self._one_by_one(missing)
            self._bulk = not any(isinstance(outcome, Done) for outcome in sent)
        else:
            half = len(runs) // 2
            sent = [*await self._send(missing[:half]), *await self._send(missing[half:])]
        again = iter(sent)
        return [Done(found[_key(run)]) if _key(run) in found else next(again) for run in runs]

    async def _together(self, runs: Sequence[JsonObject]) -> Answer:
        """Send one request for all. A 500 is about one of them rather than about the server, and so a refusal."""
        try:
            return await self._api.call("POST", f"{runs[0]['path']}/bulk", [run["body"] for run in runs])
        except PrefectUnavailableError as error:
            if error.status == 500:
                return Answer(500, error.message)
            raise

    async def _found(self, runs: Sequence[JsonObject]) -> Mapping[str, str]:
        """Key → id of the runs that are there, and of the deployment."""
        wanted = {"flow_runs": {"idempotency_key": {"any_": [_key(run) for run in runs]}}}
        answer = await self._api.call("POST", path("flow_runs", "filter"), wanted)
        found = answer.body if answer.accepted else []
        deployment = runs[0]["deployment_id"]
        return {run["idempotency_key"]: run["id"] for run in found if run["deployment_id"] == deployment}

    async def _one_by_one(self, runs: Sequence[JsonObject]) -> list[Delivery]:
        outcomes: list[Delivery] = []
        for run in runs:
            try:
                outcomes.append(await self._alone(run))
            except PrefectUnavailableError as error:
                silent = error.status is None  # and so it would be to each of the others
                outcomes += [Retry(error.message, error.after)] * (len(runs) - len(outcomes) if silent else 1)
                if silent:
                    break
        return outcomes

    async def _alone(self, prepared: JsonObject) -> Delivery:
        answer = await self._api.call("POST", prepared["path"], prepared["body"])
        if answer.status == 404:
            self._forget(prepared["deployment_id"])
        return created(prepared, answer)


def _key(prepared: JsonObject) -> str:
    key: str = prepared["body"]["idempotency_key"]
    return key

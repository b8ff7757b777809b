"""A campaign: load, and kill after kill, then quiet and the audit."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
from engine_process import EngineProcess, HarnessError
from faults.audit import Audit, audit
from faults.load import Load
from faults.project import write_project
from faults.receiver import Receiver, receiver

Moment = Literal["random", "acknowledged", "delivery"]
"""When to kill: at any time, right after an acknowledgement, or when the peer has a delivery and its sender has no
answer yet.
"""
_SETTLED_WITHIN: Final = 120.0
_TRAP_WITHIN: Final = 5.0
_ENDED: Final = frozenset({"Completed", "Failed", "Crashed", "Cancelled"})


@dataclass
class Report:
    """How a campaign went. `ready` holds the seconds from each start to readiness."""

    audit: Audit
    ready: list[float] = field(default_factory=list)


class Campaign:
    """One engine, killed again and again at moments that `seed` decides."""

    def __init__(self, engine: EngineProcess, session: aiohttp.ClientSession, load: Load, peer: Receiver) -> None:
        self._engine, self._session, self._load, self._peer = engine, session, load, peer
        self.kills: list[float] = []
        self.ready: list[float] = []
        self.problems: list[str] = []

    async def start_engine(self) -> None:
        """Start the next life and look whether its ledger adds up."""
        self.ready.append(await self._engine.start(self._session))
        status = await self._engine.status(self._session)
        events, actions = status["events"], status["actions"]
        if events["accepted"] != events["processed"] + events["pending"]:
            self.problems.append(f"after {len(self.kills)} kills the events do not add up: {events}")
        if actions["planned"] != actions["delivered"] + actions["dead"] + actions["pending"]:
            self.problems.append(f"after {len(self.kills)} kills the actions do not add up: {actions}")

    async def kill_at(self, moment: Moment, delay: float) -> None:
        """Let `delay` seconds pass, wait for the moment, kill."""
        await asyncio.sleep(delay)
        if moment == "random":
            self.kill()
        else:
            await self._trap(moment)
        await self._engine.ended()

    async def _trap(self, moment: Moment) -> None:
        """Kill inside of the very callback, before anything else has a turn."""
        sprung = asyncio.Event()

        def spring() -> None:
            if not sprung.is_set():
                self.kill()
                sprung.set()

        if moment == "acknowledged":
            self._load.on_acknowledged = spring
        else:
            self._peer.on_delivery = spring
        try:
            async with asyncio.timeout(_TRAP_WITHIN):
                await sprung.wait()
        except TimeoutError:
            raise HarnessError(f"no moment of the kind '{moment}' came within {_TRAP_WITHIN:g} s") from None

    def kill(self) -> None:
        """Kill, and note when."""
        self._engine.kill()
        self.kills.append(time.time())

    async def settle(self) -> None:
        """Wait until nothing is pending and every run has ended."""
        deadline = time.monotonic() + _SETTLED_WITHIN
        while time.monotonic() < deadline:
            status = await self._engine.status(self._session)
            if not status["actions"]["pending"] and not await self._unfinished():
                return
            await asyncio.sleep(0.2)
        raise HarnessError(f"not everything was settled within {_SETTLED_WITHIN:g} s")

    async def _unfinished(self) -> list[Any]:
        pages = [
            await self._engine.get(self._session, f"/api/runs?limit=1&state={state}")
            for state in ("Scheduled", "Pending", "Running")
        ]
        return [run for page in pages for run in page["items"]]


async def run_campaign(
    folder: Path, kills: int, seed: int, moments: Sequence[Moment], environment: Mapping[str, str]
) -> Report:
    """Run one campaign in an empty folder."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(receiver())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        write_project(folder, peer.url)
        engine = EngineProcess(folder, environment)
        stack.callback(engine.kill)
        load = Load(session, engine.url)
        campaign = Campaign(engine, session, load, peer)
        await campaign.start_engine()
        load.start()
        for _ in range(kills):
            await campaign.kill_at(chance.choice(moments), chance.uniform(0.3, 1.5))
            await campaign.start_engine()
        await load.stop()
        await campaign.settle()
        await engine.stop()
        found = audit(engine.database, folder, load, peer, campaign.kills)
    found.problems += campaign.problems
    return Report(found, campaign.ready)

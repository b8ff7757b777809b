"""The demo: `python demo/run.py [--keep]`, or `make demo`.

Starts the engine on the repository's own rules, sends real events, and shows each one's way to its end. Exits 0
when everything happened that should have.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

import aiohttp
import scenes
from display import Display
from engine import Api, DemoError, EngineProcess
from receiver import receiver
from tour import Tour, expect


def show_addresses(engine: EngineProcess, display: Display) -> None:
    """Print where the API is."""
    display.scene("The engine is ready", "It runs on the rules of this repository, with a database of its own.")
    for what, path in (
        ("status", "/api/status"),
        ("automations", "/api/automations"),
        ("runs", "/api/runs"),
        ("OpenAPI", "/openapi.json"),
    ):
        display.say(what, f"{engine.url}{path}")


async def play(engine: EngineProcess, display: Display) -> None:
    """Play every scene."""
    async with aiohttp.ClientSession() as session, receiver() as taking:
        api = Api(session, engine)
        await api.ready()
        show_addresses(engine, display)
        tour = Tour(api, display)
        await scenes.a_file_arrives(tour)
        await scenes.orders_fail(tour)
        await scenes.somebody_pushes(tour, engine.hook_token)
        await scenes.imports_fail(tour)
        await scenes.exports_finish(tour, taking)
        await scenes.the_ledger(tour)


async def keep_running(engine: EngineProcess, display: Display) -> None:
    """Leave the engine to the user until Ctrl-C, which the engine may see as well."""
    display.scene("The engine keeps running", "Ctrl-C stops it.")
    display.say("webhooks", f"{engine.url}/hooks/github with 'Authorization: Bearer {engine.hook_token}'")
    display.say("commands", f"AUTOMATIONS_API_URL={engine.url} {Path(sys.executable).parent}/automations status")
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    waiting = [asyncio.create_task(engine.wait()), asyncio.create_task(interrupted.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


async def demo(keep: bool, folder: Path, display: Display) -> None:
    """Start, play, stop."""
    engine = EngineProcess(folder)
    engine.start()
    try:
        await play(engine, display)
        if keep:
            await keep_running(engine, display)
    finally:
        code = await engine.stop()
    expect(code == 0, f"the engine did not stop as it should (exit code {code}):\n{engine.last_words()}")
    display.scene("Done", "The engine has stopped; 'make demo KEEP=1' leaves it running.")


def main() -> int:
    """Return the exit code: 0, or 1 with what went wrong."""
    options = argparse.ArgumentParser(description="Show events on their way through the engine.")
    options.add_argument("--keep", action="store_true", help="leave the engine running until Ctrl-C")
    keep = options.parse_args().keep
    display = Display()
    with tempfile.TemporaryDirectory(prefix="automations-demo-") as folder:
        try:
            asyncio.run(demo(keep, Path(folder), display))
        except DemoError as error:
            display.failure(str(error))
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

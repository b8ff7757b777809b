"""The process: signals, the listening socket, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import structlog

from automations.errors import (
    SettingsError,
)
from automations.logs import configure_logs
from automations.server import Scope, new_api_key
from automations.settings import Settings
from automations.store import SqliteStore
from automations.wiring.application import Application, is_loopback, own_url
from automations.wiring.clock import SystemClock

log = structlog.get_logger()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; SettingsError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port or --host"
        ) from None
    return listener


class Served(Protocol):
    """What answers at an address: an engine, or a gateway."""

    settings: Settings
    store: SqliteStore

    async def check(self) -> None:
        """SettingsError where the database is another one's."""
        ...

    async def start(self, listener: socket.socket) -> None:
        """Open the door."""
        ...

    async def stop(self) -> None:
        """Drain and close."""
        ...


async def refuse_open_door(settings: Settings, store: SqliteStore) -> None:
    """Beyond loopback nobody gets in without a key, so there must be one. SettingsError."""
    if is_loopback(settings.host):
        return
    if not any(key.revoked is None for key in await store.reads.api_keys()):
        raise SettingsError(
            f"listening on {settings.host} needs an API key, and there is none",
            code="no-api-key",
            hint="make one: automations api-key create NAME --scope admin",
        )


async def serve(settings: Settings, make: Callable[[Settings], Served] = Application) -> int:
    """Run the embedded engine, or what `make` returns, until SIGTERM or SIGINT; returns the exit code."""
    configure_logs(settings.log_level, settings.log_format)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    application = make(settings)
    try:
        await application.check()
        await refuse_open_door(application.settings, application.store)
        listener = listen(settings.host, settings.port)
    except SettingsError:
        await application.store.close()
        raise
    with contextlib.closing(listener):
        await application.start(listener)
        log.info("engine_started", url=own_url(*listener.getsockname()[:2]), db=str(settings.path("db")))
        await stopped.wait()
        log.info("engine_stopping")
        await application.stop()
    log.info("engine_stopped")
    return 0


async def create_api_key_offline(db: Path, name: str, scopes: Collection[Scope]) -> str:
    """Make a key straight in the database of an engine that does not run; returns the key's text, shown once."""
    clock = SystemClock()
    store = SqliteStore.open(db, clock=clock)
    try:
        key, text = new_api_key(name, scopes, clock.now())
        await store.write(lambda tx: tx.add_api_key(key))
    finally:
        await store.close()
    return text

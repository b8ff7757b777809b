"""The worker: a Faust application, with the stages that decide as its service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust
import structlog
from mode import Service

from automations.errors import AutomationsError
from automations.runtime.kafka.connection import Connection
from automations.runtime.kafka.dispatch import Delivering
from automations.runtime.kafka.stages import Stages, StageSettings
from automations.runtime.kafka.topics import check

log = structlog.get_logger()

_TALKATIVE: Final = ("faust", "mode")


Around = Callable[[], AbstractAsyncContextManager[Delivering | None]]
"""What stands around the stages as long as they work."""


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """Stages that deliver nothing need nothing around them."""
    yield None


class StagesService(Service):
    """The stages, as long as the application lives."""

    def __init__(self, stages: Stages, around: Around, **options: Any) -> None:
        super().__init__(**options)
        self._stages, self._around = stages, around

    async def on_start(self) -> None:
        """A fault in the stages crashes the application."""
        self.add_future(self._work())

    async def _work(self) -> None:
        async with self._around() as delivering:
            await self._stages.run(delivering)


def application(settings: StageSettings, datadir: str) -> faust.App:
    """The Faust application, not started. Agents may be added to it; `producer_only` while there is none."""
    session = settings.cluster.session
    app = faust.App(
        settings.topology.prefix,
        broker=f"aiokafka://{settings.cluster.bootstrap}",
        broker_client_id=settings.cluster.connection.client_id,
        broker_credentials=_credentials(settings.cluster.connection),
        datadir=datadir,
        web_enabled=False,
        topic_disable_leader=True,
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 3,
        producer_linger=0.02,
        stream_buffer_maxsize=20_000,
    )
    app.producer_only = True
    return app


def _credentials(connection: Connection) -> Any:
    """Faust's words for how a client gets in."""
    options = connection.options
    if connection.protocol == "PLAINTEXT":
        return None
    if connection.protocol == "SSL":
        return faust.SSLCredentials(connection.tls)
    if connection.mechanism == "OAUTHBEARER":
        return faust.OAuthCredentials(oauth_cb=options["sasl_oauth_token_provider"], ssl_context=connection.tls)
    return faust.SASLCredentials(
        username=connection.username,
        password=connection.password,
        mechanism=connection.mechanism,
        ssl_context=connection.tls,
    )


def run_worker(stages: Stages, around: Around = nothing) -> int:
    """Run a worker until a signal ends it; returns the exit code: 0, or 1 where it had to end (another worker has
    taken over, a fault). TopicsError, KafkaUnreachableError before anything is read. The caller sets up logs.
    """
    _quieten()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings, cluster = stages.settings, stages.settings.cluster
    loop.run_until_complete(check(cluster.bootstrap, settings.topology, connection=cluster.connection))
    with TemporaryDirectory(prefix="automations-worker-") as datadir:
        worker = faust.Worker(
            application(settings, datadir),
            StagesService(stages, around),
            quiet=True,
            redirect_stdouts=False,
            override_logging=False,
            loop=loop,
        )
        worker.spinner = None
        try:
            worker.execute_from_commandline()
        except SystemExit as ended:
            return _ended(worker.crash_reason, ended)


def _ended(reason: BaseException | None, ended: SystemExit) -> int:
    if reason is None:
        return int(ended.code or 0)
    if isinstance(reason, AutomationsError):
        log.error("worker_ended", code=reason.code, error=str(reason))
    else:
        log.error("worker_crashed", exc_info=reason)
    return 1


def _quieten() -> None:
    """Faust tells each step of its start; what goes wrong is still told."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiokafka.coordinator.assignors").setLevel(logging.ERROR)
    logging.getLogger("aiokafka.producer.sender").addFilter(_is_news)


def _is_news(line: logging.LogRecord) -> bool:
    """A produce request that came before the last transaction's markers were written is sent again, as a rule."""
    return "error produce response" not in line.getMessage() or "NotEnoughReplicas" not in line.getMessage()

"""Logs: structlog to stderr, for people on a terminal and as JSON lines otherwise."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

import structlog

_SECRET: Final = re.compile(r"(.*[_-])?(authorization|token|secret|password|api[_-]?key|cookie)s?", re.IGNORECASE)
_TALKATIVE: Final = ("uvicorn", "yoyo", "aiokafka")
"""Libraries whose news at `info` ours say already, under names of our own."""
_INDISCREET: Final = ("apprise", "urllib3")
"""Libraries whose messages hold the addresses that they call, which may be secrets: none of them is shown. What
failed is said by ours.
"""


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show what stands under a secret's key as `***`, however deep."""
    for key, value in event.items():
        event[key] = "***" if _SECRET.fullmatch(key) else _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: "***" if _SECRET.fullmatch(str(k)) else _redacted(v) for k, v in value.items()}
    return [_redacted(item) for item in value] if isinstance(value, list) else value


def configure_logs(level: str, style: Literal["auto", "console", "json"]) -> None:
    """Send our logs and those of the libraries through one pipeline. `auto`: console on a terminal."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderer(console)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in _INDISCREET:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)  # the sink reads from these messages how a service answered
        logger.handlers, logger.propagate = [logging.NullHandler()], False


def _renderer(console: bool) -> list[Any]:
    """Tracebacks are plain: a rich one shows local variables, and with them secrets."""
    if not console:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, repr_native_str=True)]

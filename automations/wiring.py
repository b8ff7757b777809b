"""The composition root: the only place where the engine, its adapters and the settings meet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog
import uvicorn

from automations.deploy import ReloadableJobs, load_deployments
from automations.errors import Problem, RuleFileErrors, SettingsError
from automations.ingest import WebhookSource
from automations.model.job import JobFile
from automations.ports import ApiKey, Sink
from automations.rulefiles import check_rules, load_rules
from automations.runtime.dispatch import Dispatcher, SinkBinding
from automations.runtime.embedded import Bounds, EmbeddedEngine
from automations.runtime.reload import watch
from automations.runtime.retry import RetryPolicy
from automations.server import ServerSettings, create_app, new_api_key
from automations.settings import Settings
from automations.sinks.process import ProcessPool, ProcessSink
from automations.sinks.webhook import WebhookSettings, WebhookSink
from automations.sources import load_sources
from automations.store import SqliteStore

log = structlog.get_logger()

"""How the settings say that a Kafka lets us in: secrets, certificates, tokens."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from automations.errors import AutomationsError, SettingsError
from automations.model.secret import SecretReference
from automations.runtime.kafka.connection import Connection, ReadToken
from automations.settings import Settings
from automations.wiring.sinks import secret_of

_TOKEN_TIME: Final = 30.0
"""Seconds that the command of a token may take."""


def connection_of(settings: Settings) -> Connection:
    """How to get in; SettingsError where a secret or a file is missing."""
    kafka = settings.kafka
    return Connection(
        protocol=kafka.security_protocol,
        mechanism=kafka.sasl_mechanism or "PLAIN",
        username=kafka.sasl_username,
        password=_secret(kafka.sasl_password, settings),
        token=_token(settings),
        tls=_tls(settings) if kafka.security_protocol.endswith("SSL") else None,
        client_id=kafka.client_id,
        compression=kafka.compression,
    )


def _secret(reference: SecretReference | None, settings: Settings) -> str | None:
    return None if reference is None else secret_of(reference, settings)


def _tls(settings: Settings) -> ssl.SSLContext:
    """Trusts the system's authorities, or `tls_ca` alone; shows `tls_cert` where there is one."""
    kafka, folder = settings.kafka, settings.directory
    try:
        context = ssl.create_default_context(cafile=kafka.tls_ca and str(folder / kafka.tls_ca))
        if kafka.tls_cert is not None:
            key = kafka.tls_key and folder / kafka.tls_key
            password = _secret(kafka.tls_key_password, settings)
            context.load_cert_chain(folder / kafka.tls_cert, key or None, password or "")
    except OSError as error:  # ssl.SSLError is one
        named = {name: getattr(kafka, name) for name in ("tls_ca", "tls_cert", "tls_key")}
        files = ", ".join(f"{name} {file}" for name, file in named.items() if file)
        raise SettingsError(f"[kafka] {files}: {error.strerror or error}", hint="the files are PEM") from None
    return context


def _token(settings: Settings) -> ReadToken | None:
    command, reference = settings.kafka.sasl_token_command, settings.kafka.sasl_token
    if command is not None:
        return lambda: _printed(command, settings.directory)
    if reference is None:
        return None
    secret_of(reference, settings)

    async def read() -> str:
        return secret_of(reference, settings)

    return read


async def _printed(command: Sequence[str], folder: Path) -> str:
    """What a command prints; AutomationsError `bad-token` where it fails. What it printed is never told."""
    try:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    except OSError as error:
        raise _no_token(command, error.strerror or str(error)) from None
    try:
        async with asyncio.timeout(_TOKEN_TIME):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise _no_token(command, f"it runs for more than {_TOKEN_TIME:g} s") from None
    if process.returncode or not output.strip():
        raise _no_token(command, f"exit code {process.returncode}, {len(output)} bytes of output")
    return output.decode("utf-8", "replace").strip()


def _no_token(command: Sequence[str], why: str) -> AutomationsError:
    return AutomationsError(
        f"[kafka] sasl_token_command {command[0]!r}: {why}", code="bad-token", hint="it prints the token, alone"
    )

"""Automations of a Prefect server, fetched to be imported."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from automations.errors import AutomationsError, SettingsError
from automations.model.document import JsonObject
from automations.sinks.prefect import PrefectSettings
from automations.sinks.prefect.client import PrefectApi, PrefectUnavailableError
from automations.sources.secret import read_secret


async def automations_of_prefect(api_url: str | None) -> list[JsonObject]:
    """Return all automations of a server, by name; without `api_url`, of PREFECT_API_URL's.

    SettingsError; AutomationsError `unreachable`, or `refused` with the server's reason.
    """
    try:
        settings = PrefectSettings.model_validate({} if api_url is None else {"api_url": api_url})
    except ValidationError as error:
        raise SettingsError(error.errors(include_url=False)[0]["msg"]) from None
    api = PrefectApi(settings, lambda reference: read_secret(reference, Path(), os.environ))
    try:
        return await _all(api)
    except PrefectUnavailableError as error:
        raise AutomationsError(
            f"the Prefect server at {settings.api_url} cannot be reached: {error.message}",
            code="unreachable",
            hint="start it, or name another with --api-url",
        ) from None
    finally:
        await api.close()


async def _all(api: PrefectApi) -> list[JsonObject]:
    """The server gives as many at once as it pleases."""
    found: dict[str, JsonObject] = {}
    offset = 0
    while True:
        answer = await api.call("POST", "/automations/filter", {"offset": offset})
        if not answer.accepted or not isinstance(answer.body, list):
            raise AutomationsError(answer.reason, code="refused", hint="is this the address of a Prefect API?")
        if not answer.body:
            return list(found.values())
        found |= {automation["id"]: automation for automation in answer.body}
        offset += len(answer.body)

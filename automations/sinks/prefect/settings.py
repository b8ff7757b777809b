"""Where the Prefect server is, and what opens it."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document
from automations.model.moment import SECOND, Duration
from automations.model.secret import SecretReference


def _in_environment(variable: str) -> SecretReference | None:
    return SecretReference(env=variable) if os.environ.get(variable) else None


class PrefectSettings(Document):
    """What is left out comes from the variables that Prefect's own tools read: `PREFECT_API_URL`,
    `PREFECT_API_KEY` (Prefect Cloud), `PREFECT_API_AUTH_STRING` (a server's `user:password`).

    `timeout` bounds one request, in microseconds once loaded.
    """

    api_url: Annotated[
        str, Field(default_factory=lambda: os.environ.get("PREFECT_API_URL", ""), validate_default=True)
    ]
    api_key: Annotated[SecretReference | None, Field(default_factory=lambda: _in_environment("PREFECT_API_KEY"))]
    auth_string: Annotated[
        SecretReference | None, Field(default_factory=lambda: _in_environment("PREFECT_API_AUTH_STRING"))
    ]
    timeout: Annotated[Duration, Field(gt=0)] = 30 * SECOND

    @field_validator("api_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise PydanticCustomError(
                "bad-url",
                "write the server's API address, such as http://127.0.0.1:4200/api, or set PREFECT_API_URL",
            )
        return url.rstrip("/")

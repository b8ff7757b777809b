"""Settings: flags > `AUTOMATIONS_*` > `automations.toml` > defaults.

Only `wiring` and the commands read them; each adapter is handed its own part.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from rapidfuzz import process

from automations.errors import SettingsError
from automations.model.moment import SECOND, Duration

FILE = "automations.toml"
_PREFIX = "AUTOMATIONS_"
_OF_COMMANDS = frozenset({"api_url", "api_key", "test_ack_before_commit", "test_no_key"})
"""Variables that are read elsewhere: by commands that talk to an engine, by the controls of the loss tests."""


class Settings(BaseSettings):
    """What `serve` is told. Paths are relative to `directory`; durations are in microseconds once loaded."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    directory: Annotated[Path, Field(description="Folder of the project; other paths are relative to it")] = Path()
    rules: Annotated[Path, Field(description="Folder of rule files")] = Path("rules")
    deployments: Annotated[Path, Field(description="Deployment file")] = Path("deployments.yaml")
    sources: Annotated[Path, Field(description="File of sources, beside the rules")] = Path("sources.yaml")
    db: Annotated[Path, Field(description="The SQLite database")] = Path("automations.db")
    host: Annotated[str, Field(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(description="Port to listen on; 0 takes a free one", ge=0, le=65535)] = 4280
    allowed_hosts: Annotated[
        tuple[str, ...], Field(description="Host names that requests may name besides loopback's", strict=False)
    ] = ()
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level logged")] = (
        "info"
    )
    log_format: Annotated[
        Literal["auto", "console", "json"], Field(description="auto: console on a terminal, JSON otherwise")
    ] = "auto"
    max_event_bytes: Annotated[int, Field(description="Size of one event, bytes", ge=1024, le=1024 * 1024)] = (
        256 * 1024
    )
    backlog: Annotated[int, Field(description="Events or actions that may wait before the door refuses", ge=1)] = (
        100_000
    )
    backlog_bytes: Annotated[int, Field(description="Bytes of events that may wait", ge=1024)] = 1 << 30
    lateness: Annotated[
        Duration, Field(description="How late an event may come and still count", ge=60 * SECOND)
    ] = 60 * SECOND
    drain: Annotated[Duration, Field(description="How long a shutdown may take")] = 8 * SECOND
    pool_limit: Annotated[
        int | None, Field(description="Runs at a time in the process pool; default: by cores", ge=1)
    ] = None
    sinks: Annotated[dict[str, dict[str, Any]], Field(description="Sinks by name: [sinks.NAME] type = ...")] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then `automations.toml`; no other file is looked for."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _FileSource(settings_cls, init_settings().get("directory"))

    def path(self, name: Literal["rules", "deployments", "sources", "db"]) -> Path:
        """Return a path setting below the directory."""
        path: Path = self.directory / getattr(self, name)
        beside = self.directory / self.rules / self.sources
        return beside if name == "sources" and not path.exists() and beside.exists() else path


class _FileSource(PydanticBaseSettingsSource):
    """`automations.toml` in the project's folder."""

    def __init__(self, settings_cls: type[BaseSettings], directory: Any) -> None:
        super().__init__(settings_cls)
        self._file = Path(directory or os.environ.get(f"{_PREFIX}DIRECTORY", ".")) / FILE

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """One value of the file."""
        del field
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the whole file; nothing when there is none."""
        if not self._file.exists():
            return {}
        try:
            return tomllib.loads(self._file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{self._file}: {error}") from None


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """Load the settings; flags that are None were not given. SettingsError names what is wrong and where."""
    _check_environment(os.environ)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        message = f"{key!r} is no setting" if unknown else f"the setting {key!r}: {first['msg']}"
        raise SettingsError(message, hint=_nearest(key) if unknown else None) from None


def _check_environment(environ: Mapping[str, str]) -> None:
    """A variable that nothing reads is a mistake worth telling: pydantic-settings passes over it in silence."""
    known = {*Settings.model_fields, *_OF_COMMANDS}
    for name in environ:
        key = name.removeprefix(_PREFIX).lower()
        if name.startswith(_PREFIX) and key not in known and not key.startswith("run_") and key != "deployment":
            raise SettingsError(f"the environment variable {name} is no setting", hint=_nearest(key))


def _nearest(key: str) -> str | None:
    found = process.extractOne(key, list(Settings.model_fields), score_cutoff=60)
    return f"did you mean {found[0]!r}?" if found else None

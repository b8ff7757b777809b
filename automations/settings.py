"""Settings: flags > `AUTOMATIONS_*` > `automations.toml` > defaults.

Only `wiring` and the commands read them; each adapter is handed its own part.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pydantic_settings
from pydantic import AfterValidator, BeforeValidator, DirectoryPath, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from rapidfuzz import process

from automations.errors import SettingsError
from automations.kafka_settings import KafkaSettings
from automations.model.moment import DAY, SECOND, Duration, format_duration

FILE: Final = "automations.toml"
_PREFIX: Final = "AUTOMATIONS_"
_OF_COMMANDS: Final = frozenset({"api_url", "api_key", "test_ack_before_commit", "test_no_key"})
"""Variables that are read elsewhere: by commands that talk to an engine, by the controls of the loss tests."""
_OF_KAFKA: Final = tuple(f"kafka_{name}" for name in KafkaSettings.model_fields)
_OF_RUNS: Final = frozenset({"run_id", "run_name", "deployment"})
"""Variables that a run finds in its environment: a job may call these commands."""
_MIN_LATENESS: Final = 60 * SECOND


def _names(value: Any) -> Any:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _late_enough(lateness: int) -> int:
    if lateness < _MIN_LATENESS:
        least = format_duration(_MIN_LATENESS)
        raise PydanticCustomError("too-short", "write {least} or more", {"least": least})
    return lateness


class Settings(BaseSettings):
    """What `serve` is told. Paths are relative to `directory`; durations are in microseconds once loaded."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="_",  # of AUTOMATIONS_KAFKA_*: the first '_' behind the name of a table
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        validate_default=False,
    )

    directory: Annotated[
        DirectoryPath, Field(description="Folder of the project; other paths are relative to it")
    ] = Path()
    rules: Annotated[Path, Field(description="Folder of rule files")] = Path("rules")
    deployments: Annotated[Path, Field(description="Deployment file")] = Path("deployments.yaml")
    sources: Annotated[Path, Field(description="File of sources, beside the rules")] = Path("sources.yaml")
    db: Annotated[Path, Field(description="The SQLite database")] = Path("automations.db")
    host: Annotated[str, Field(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(description="Port to listen on; 0 takes a free one", ge=0, le=65535)] = 4280
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_names),
        Field(description="Host names that requests may name besides loopback's; in text, commas part them"),
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
    backlog_bytes: Annotated[int, Field(description="Bytes of events and actions waiting", ge=1024)] = 1 << 30
    lateness: Annotated[
        Duration,
        AfterValidator(_late_enough),
        Field(description="How late an event may come and still count; never less than 60s"),
    ] = _MIN_LATENESS
    state_retention: Annotated[
        Duration,
        AfterValidator(_late_enough),
        Field(description="How long the state of a trigger that nothing reaches is kept"),
    ] = 30 * DAY
    drain: Annotated[Duration, Field(description="How long a shutdown may take")] = 8 * SECOND
    pool_limit: Annotated[
        int | None, Field(description="Runs at a time in the process pool; default: by cores", ge=1)
    ] = None
    sinks: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Sinks by name: [sinks.NAME] type = ...; in the environment, JSON"),
    ] = {}

    notifications: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Who can be told: [notifications.NAME] url = ...; in the environment, JSON"),
    ] = {}
    kafka: Annotated[
        KafkaSettings, Field(description="[kafka] bootstrap = ...; in the environment AUTOMATIONS_KAFKA_BOOTSTRAP")
    ] = KafkaSettings()

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
        self._file = _file(directory)

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """One value of the file."""
        del field
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the whole file; nothing when there is none."""
        try:
            values = tomllib.loads(self._file.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{self._file}: {error}", hint="the file is TOML in UTF-8") from None
        if "directory" in values:
            raise SettingsError(
                f"{self._file}: 'directory' cannot stand in this file, which is found in it",
                hint=f"give it as -C or as {_PREFIX}DIRECTORY",
            )
        if isinstance(values.get("kafka"), dict):
            values["kafka"] = _not_in_environment(values["kafka"], f"{_PREFIX}KAFKA_")
        return values


def _not_in_environment(table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Tables are merged key by key; but a secret's `env` of the one and `file` of the other would be no secret."""
    given = {name.upper() for name, value in os.environ.items() if value}
    return {key: value for key, value in table.items() if f"{prefix}{key}".upper() not in given}


def _file(directory: Any) -> Path:
    return Path(directory or os.environ.get(f"{_PREFIX}DIRECTORY") or ".") / FILE


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """Load the settings; flags that are None were not given.

    SettingsError names every key that is wrong, and the flag, variable or file that it comes from.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    _check_environment(os.environ)
    try:
        return Settings(**given)
    except ValidationError as error:
        findings = [_finding(found, given) for found in error.errors(include_url=False)]
        raise SettingsError("; ".join(findings)) from None
    except pydantic_settings.SettingsError as error:
        name = str(error).split('"')[
            1
        ]  # of a table that is no JSON: error parsing value for field "NAME" from ...
        raise SettingsError(
            f"{_PREFIX}{name.upper()} is no JSON",
            hint=f"write an object of {name}, as the table [{name}] in {FILE} is one",
        ) from None


def _finding(found: ErrorDetails, given: Mapping[str, Any]) -> str:
    setting, *below = path = [str(step) for step in found["loc"]]
    if found["type"] == "extra_forbidden":
        known = KafkaSettings.model_fields if below else Settings.model_fields
        told = f"{'.'.join(path)!r} is no setting{_nearest(path[-1], known=known)}"
        return f"{_file(given.get('directory'))}: {told}"
    rest = f" {'.'.join(below)}" if below else ""
    return f"{_origin(setting, below, given)}{rest}: {found['msg']}"


def _origin(setting: str, below: Sequence[str], given: Mapping[str, Any]) -> str:
    """Where the value of a setting comes from. A flag gives one key of the table `kafka`."""
    flag = given.get(setting)
    if setting in given and (not isinstance(flag, Mapping) or {*below} & flag.keys()):
        return "-C" if setting == "directory" else f"--{setting}"
    names = {f"{_PREFIX}{'_'.join(path)}".lower() for path in ([setting], [setting, *below[:1]])}
    variable = next((name for name in os.environ if name.lower() in names), None)
    return variable or f"{_file(given.get('directory'))}: {setting}"


def _check_environment(environ: Mapping[str, str]) -> None:
    """A variable that nothing reads is a mistake worth telling: pydantic-settings passes over it in silence."""
    known = {*Settings.model_fields, *_OF_COMMANDS, *_OF_RUNS, *_OF_KAFKA}
    for name in environ:
        key = name.removeprefix(_PREFIX).lower()
        if name.startswith(_PREFIX) and key not in known:
            listed = _OF_KAFKA if key.startswith("kafka_") else Settings.model_fields
            nearest = _nearest(key, _PREFIX, known=listed)
            raise SettingsError(f"the environment variable {name} is no setting{nearest}")


def _nearest(key: str, prefix: str = "", *, known: Collection[str]) -> str:
    found = process.extractOne(key, list(known), score_cutoff=60)
    if found is None:
        return f"; the settings are {', '.join(known)}"
    return f"; did you mean {(prefix + found[0]).upper() if prefix else found[0]!r}?"

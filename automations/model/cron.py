"""Cron expressions and time zones as fields of documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_FIELDS: Final = 5


def _cron(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if len(value.split()) != _FIELDS:
        raise PydanticCustomError(
            "bad-cron", "a cron expression has five fields: minute, hour, day of month, month, day of week"
        )
    try:
        next(CronSim(value, datetime(2026, 1, 1)))
    except CronSimError as error:
        raise PydanticCustomError("bad-cron", "{reason}", {"reason": f"{value!r}: {error}"}) from error
    except StopIteration:
        raise PydanticCustomError("bad-cron", "{cron} never comes", {"cron": repr(value)}) from None
    return value


def _time_zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError(
            "bad-timezone",
            "{name} is no time zone of the IANA database, such as Europe/Berlin",
            {"name": repr(value)},
        ) from None
    return value


CronExpression = Annotated[str, BeforeValidator(_cron)]
TimeZone = Annotated[str, BeforeValidator(_time_zone)]

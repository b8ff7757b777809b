"""One tree of errors: each says what is wrong, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file. Lines and columns count from 1; 0 means 'the whole file'."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a file: stable `code`, what was wrong, how to mend it, where."""

    code: str
    message: str
    location: Location
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        mend = f"; {self.hint}" if self.hint else ""
        level = "" if self.severity == "error" else "warning: "
        return f"{self.location} {level}[{self.code}] {self.message}{mend}"


class AutomationsError(Exception):
    """The root. `code` is stable and in kebab-case; `recoverable` means that trying again may help."""

    code: str = "error"
    recoverable: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        location: Location | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        where = f"{self.location} " if self.location else ""
        mend = f"; {self.hint}" if self.hint else ""
        return f"{where}[{self.code}] {self.message}{mend}"


class RuleFileErrors(AutomationsError):
    """The files do not load. `problems` holds every error and warning of all files, in order of place."""

    code = "rule-files"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        errors = [p for p in problems if p.severity == "error"]
        super().__init__(f"{len(errors)} error(s): " + "; ".join(str(p) for p in errors[:3]))


class TemplateError(AutomationsError):
    """The template is outside of the bounded language; raised when it is compiled."""

    code = "bad-template"


class RenderError(AutomationsError):
    """A template failed on this event. `code` is one of `undefined`, `type`, `limit`, `refused`."""

    code = "type"


class Refused(AutomationsError):
    """The door refuses this input; nothing of it was kept. `status` is the HTTP status of the answer."""

    code = "refused"

    def __init__(self, message: str, *, code: str, status: int = 422, hint: str | None = None) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status


class NotFoundError(AutomationsError, LookupError):
    """No such object; the message says what was looked for."""

    code = "not-found"


class BadCursorError(AutomationsError, ValueError):
    """The cursor was not given out by this listing."""

    code = "bad-cursor"


class ConflictError(AutomationsError):
    """The object is not in a state that allows this."""

    code = "conflict"


class JobVariableErrors(AutomationsError):
    """The effective job variables break the schema or the policy; `errors` names each variable."""

    code = "job-variables"

    def __init__(self, errors: list[str], *, code: str | None = None) -> None:
        self.errors = errors
        super().__init__("; ".join(errors), code=code)


class DeployErrors(AutomationsError):
    """What is to be deployed is not in order, or does not go with the rest; `errors` has every problem."""

    code = "bad-deployment"

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        super().__init__("; ".join(errors))


class PrepareError(AutomationsError):
    """A sink cannot carry out this request, now or later: it becomes a dead letter."""

    code = "refused"


class StoreUnavailableError(AutomationsError):
    """The store could not commit (disk full, input/output error). Nothing of the group was kept."""

    code = "store-unavailable"
    recoverable = True


class SettingsError(AutomationsError):
    """A setting is missing or wrong; the message names it."""

    code = "settings"

"""What Prefect would fill in later must not come from an event (jobs.md section 5).

A worker resolves placeholders in the job's configuration after it has put the job variables into it, so
`{{ prefect.blocks.secret.x }}` as a *value* reads a secret. The API does the same with `{"__prefect_kind": ...}`
inside parameters, the worker with `{"$ref": ...}` inside job variables. The author may write all of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from automations.errors import PrepareError
from automations.jobs.placeholders import placeholders
from automations.jobs.tree import Steps, pointer
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.model.reason import Reason

_OPENERS: Final = ("{{", "{%")
_KEYS: Final = frozenset({"__prefect_kind", "$ref"})


@dataclass(frozen=True, slots=True)
class _Filled:
    """A scalar, or a key (`key`), that an event filled. `resolved`: it lies in an object that Prefect replaces, so
    that whatever it is, it chooses what with.
    """

    steps: Steps
    value: Any
    key: bool
    resolved: bool


def check_injection(request: ActionRequest, job_configuration: JsonObject) -> None:
    """Refuse what an event filled with something that Prefect would resolve; PrepareError names the place.

    `job_configuration` is the work pool's: where it puts a variable inside longer text, a brace at the value's
    edge could meet another one.
    """
    joined = _joined(job_configuration)
    for field in ("parameters", "job_variables"):
        for filled in _filled(request.body.get(field), (field,), request.templates):
            name = str(filled.steps[1]).partition(".")[0] if len(filled.steps) > 1 else ""
            reason = _reason(filled, field == "job_variables" and name in joined)
            if reason is not None:
                raise PrepareError(
                    f"{'.'.join(map(str, filled.steps))}: the event's value {reason}",
                    code=Reason.REFUSED,
                    hint="an event must not choose what Prefect fills in; map it to a value of the rule's own",
                )


def _reason(filled: _Filled, joined: bool) -> str | None:
    text = filled.value if isinstance(filled.value, str) else ""
    if filled.key:
        return f"has the key {text[:64]!r}" if text in _KEYS or _opens(text) else None
    if filled.resolved:
        return "stands in an object with '__prefect_kind' or '$ref', which Prefect resolves"
    if _opens(text):
        return "holds '{{' or '{%', which Prefect would resolve"
    if joined and (text.startswith(("{", "%")) or text.endswith("{")):
        return "begins or ends with a brace, and the work pool puts it into longer text, which Prefect resolves"
    return None


def _filled(
    value: Any, steps: Steps, templates: Mapping[str, str], *, marked: bool = False, resolved: bool = False
) -> Iterator[_Filled]:
    marked = marked or pointer(steps) in templates
    if isinstance(value, dict):
        resolved = resolved or not _KEYS.isdisjoint(value)
        for key, item in value.items():
            if marked:
                yield _Filled(steps, key, True, resolved)
            yield from _filled(item, (*steps, key), templates, marked=marked, resolved=resolved)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _filled(item, (*steps, position), templates, marked=marked, resolved=resolved)
    elif marked:
        yield _Filled(steps, value, False, resolved)


def _opens(text: str) -> bool:
    return any(opener in text for opener in _OPENERS)


def _joined(configuration: Any) -> frozenset[str]:
    """The variables that the work pool puts into longer text."""
    if isinstance(configuration, str):
        names = frozenset(placeholders(configuration))
        bare = "".join(configuration.split())
        return frozenset() if any(bare == f"{{{{{name}}}}}" for name in names) else names
    if isinstance(configuration, dict | list):
        items = configuration.values() if isinstance(configuration, dict) else configuration
        return frozenset().union(*map(_joined, items))
    return frozenset()

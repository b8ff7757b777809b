"""What Prefect adds when it exports an automation: taken out, with a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from automations.errors import Problem
from automations.rulefiles.document import Document, Path
from automations.rulefiles.parts import triggers_of

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIMES: Final = ("created", "updated")


def drop_exported(document: Document, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    """Drop the ids and times that Prefect gave the automation and its triggers; a warning for each.

    An `id` that is no UUID stays, and is an unknown key: it may be a filter at the wrong place.
    """
    exported = [(path, rule, key) for key in _TIMES if isinstance(rule.get(key), str)]
    for step, mapping in [(path, rule), *triggers_of(path, rule)]:
        if _UUID.fullmatch(str(mapping.get("id"))):
            exported.append((step, mapping, "id"))
    for step, mapping, key in exported:
        del mapping[key]
        message = f"{key!r} is of Prefect's export and means nothing here"
        yield Problem("ignored-key", message, document.location((*step, key), key=True), severity="warning")

"""The automations in force, as operators see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from automations.engine import Index
from automations.errors import NotFoundError
from automations.model.document import JsonObject
from automations.rulefiles import suggestion


def described(index: Index, paused: Collection[str]) -> Sequence[JsonObject]:
    """Return every automation as the API serves it: its document, `paused`, `location`, `stateless`."""
    return [
        {
            **program.automation.model_dump(mode="json"),
            "paused": name in paused,
            "location": str(index.rules.places[name]) if name in index.rules.places else None,
            "stateless": program.automation.stateless,
        }
        for name, program in sorted(index.programs.items())
    ]


def require_automation(index: Index, name: str) -> None:
    """NotFoundError suggests."""
    if name not in index.programs:
        raise NotFoundError(
            f"there is no automation named {name!r}", hint=suggestion(name, sorted(index.programs))
        )

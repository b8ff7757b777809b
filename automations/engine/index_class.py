"""How the index finds an automation: by a look-up, or by asking it about each event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from automations.engine.conditions import Alternatives
from automations.engine.index import Candidate, candidates_of
from automations.engine.program import compile_program
from automations.model.automation import Automation


@dataclass(frozen=True, slots=True)
class IndexClass:
    """`indexed`: an event must carry a literal of each of `keys`, so other events never meet the automation.
    `scanned`: no literal must be there, so it is asked about every event.
    """

    kind: Literal["indexed", "scanned"]
    keys: tuple[str, ...] = ()


def index_class(automation: Automation) -> IndexClass:
    """Return the class of an automation, by its least selective trigger."""
    keys = [_keys(candidate) for candidate in candidates_of(compile_program(automation))]
    fewest = min(keys, key=len, default=("schedule",))
    return IndexClass("indexed" if fewest else "scanned", fewest)


def _keys(candidate: Candidate) -> tuple[str, ...]:
    name = ["event"] if all(Alternatives.of(names).exact for names in candidate.names) else []
    related = {f"related {label}" for spec in candidate.witnesses for label in spec}
    return (*name, *sorted(candidate.exact), *sorted(related))

"""Ids that any machine works out alike from the same inputs (reliability.md).

Not in them: wall clock, offsets, attempts, rendered values, the rules' revision. So evaluating an event again
can never make a second run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

_VERSION: Final = "1"


def _digest(fields: Iterable[str]) -> str:
    """BLAKE2b-128 over length-prefixed fields: no two lists of fields read as the same bytes."""
    state = blake2b(digest_size=16)
    for field in fields:
        raw = field.encode("utf-8", "surrogatepass")
        state.update(len(raw).to_bytes(8, "big") + raw)
    return state.hexdigest()


def firing_id(automation: str, labels: Mapping[str, str], kind: str, causes: Iterable[Sequence[str]]) -> str:
    """`causes` are pairs: (source, id) of the counted events in the order that the firing counts them, or the name
    and the moment of the timer.
    """
    group = [text for pair in sorted(labels.items()) for text in pair]
    events = [text for pair in causes for text in pair]
    return _digest([_VERSION, automation, str(len(group)), *group, kind, *events])


def action_id(firing: str, action_list: str, index: int, target: str) -> str:
    """The id of the action at that place of that list; it is the idempotency key towards every sink."""
    return _digest([_VERSION, firing, action_list, str(index), target])


def redriven_id(action: str, redrive: str) -> str:
    """The id of an action that somebody sends again by hand; `redrive` tells apart each time."""
    return _digest([_VERSION, action, "redrive", redrive])

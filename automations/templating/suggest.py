"""The nearest right spelling, for hints."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import process


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return `did you mean 'x'?`, or None when nothing is near."""
    found = process.extractOne(name, list(known), score_cutoff=60)
    return f"did you mean {found[0]!r}?" if found else None

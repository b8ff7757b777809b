"""A text that is known once its template is rendered: how it begins and ends, and which filters may take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from automations.engine.conditions import Alternatives
from automations.engine.wildcard import compile_wildcard

_OPENING: Final = ("{{", "{%", "{#")
_CLOSING: Final = ("}}", "%}", "#}")
_ANYTHING: Final = "\0"
"""Stands for a run of unknown characters; no text of a file or an event holds it."""


@dataclass(frozen=True, slots=True)
class PossibleText:
    """All texts that begin with `head` and end with `tail`; `head` alone where `tail` is None."""

    head: str
    tail: str | None = None

    @classmethod
    def of(cls, template: str) -> PossibleText:
        """Read a template: what stands before its first mark and behind its last one is known.

        White space beside the marks may be cut off by them, so it is left open.
        """
        starts = [at for mark in _OPENING if (at := template.find(mark)) >= 0]
        if not starts:
            return cls(template)
        end = max(template.rfind(mark) + len(mark) for mark in _CLOSING if mark in template)
        return cls(template[: min(starts)].rstrip(), template[end:].lstrip())

    def __str__(self) -> str:
        return self.head if self.tail is None else f"{self.head}*{self.tail}"

    def behind(self, prefix: str) -> PossibleText:
        """Return the texts with a prefix before them."""
        return PossibleText(prefix + self.head, self.tail)

    def may_be(self, wanted: Alternatives) -> bool:
        """True when one of the texts passes."""
        if self.tail is None:
            return wanted.text_predicate()(self.head)
        if not wanted.positive:
            return not _cover(wanted.excluded, self._shape)
        passes = wanted.text_predicate()
        if any(self._may_equal(literal) and passes(literal) for literal in wanted.literals):
            return True
        return not _cover(wanted.excluded, self._shape) and any(map(self._may_match, wanted.wildcards))

    @property
    def _shape(self) -> str:
        return f"{self.head}{_ANYTHING}{self.tail}"

    def _may_equal(self, text: str) -> bool:
        tail = self.tail or ""
        return len(text) >= len(self.head) + len(tail) and text.startswith(self.head) and text.endswith(tail)

    def _may_match(self, pattern: str) -> bool:
        """Two patterns that each leave something open have a text in common when their ends agree."""
        head, *_, tail = pattern.split("*")
        heads, tails = sorted((head, self.head), key=len), sorted((tail, self.tail or ""), key=len)
        return heads[1].startswith(heads[0]) and tails[1].endswith(tails[0])


def _cover(patterns: tuple[str, ...], shape: str) -> bool:
    return any(compile_wildcard(pattern)(shape) for pattern in patterns)


ANY_TEXT: Final = PossibleText("", "")

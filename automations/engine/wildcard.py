"""`*` stands for any run of characters, the empty one included; every other character is literal."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def compile_wildcard(pattern: str) -> Callable[[str], bool]:
    """Return a predicate over whole texts, linear in the text's length for each part of the pattern."""
    return compile_parts(pattern.split("*"))


def compile_parts(parts: Sequence[str]) -> Callable[[str], bool]:
    """Return the predicate of literal parts with any run of characters between each two."""
    head, *rest = parts
    if not rest:
        return head.__eq__
    *middle, tail = rest
    if not any(middle) and not tail:
        return lambda text: text.startswith(head)

    def matches(text: str) -> bool:
        end = len(text) - len(tail)
        at = len(head)
        if end < at or not (text.startswith(head) and text.endswith(tail)):
            return False
        # Taking each part at its first place leaves the most room for those behind it, so no way back is needed.
        for part in middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches

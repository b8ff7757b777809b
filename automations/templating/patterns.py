"""Regular expressions in templates: RE2, which is linear in the text, whatever the pattern."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from automations.templating.limits import Fuel
from automations.templating.values import to_text, type_error


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise type_error(f"{pattern!r} is no RE2 pattern: {error}") from None


def regex_match(value: Any, fuel: Fuel, pattern: str) -> bool:
    """True when the pattern matches at the text's start, as `re.match` does; end it in `$` for the whole text."""
    return _compiled(to_text(pattern, fuel)).match(to_text(value, fuel)) is not None


def regex_replace(value: Any, fuel: Fuel, pattern: str, replacement: str = "") -> str:
    r"""Replace each match; `\1` in the replacement is the first group. Charged as it grows."""
    text, replacement = to_text(value, fuel), to_text(replacement, fuel)
    parts, length, end = [], 0, 0
    for found in _compiled(to_text(pattern, fuel)).finditer(text):
        parts += [text[end : found.start()], found.expand(replacement)]
        length += len(parts[-2]) + len(parts[-1])
        fuel.text(length)
        end = found.end()
    return to_text("".join([*parts, text[end:]]), fuel)

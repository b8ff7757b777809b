"""Regular expressions in templates: RE2, which is linear in the text, whatever the pattern."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import re2

from automations.templating.limits import Fuel
from automations.templating.values import defined, kind, to_text, type_error

Pattern = Any
"""A compiled RE2 expression; the library has no type for it."""
_COMPILED: Final = type(re2.compile(""))
_MEMORY: Final = 1 << 18  # bytes
_COMPILING: Final = 1_000
"""Units of fuel for a pattern that the event brings. One that the template writes out is compiled with it, and no
cache stands in between: what a render costs must not depend on the renders before it.
"""


def compile_pattern(pattern: str) -> Pattern:
    """Compile; ValueError says what is wrong with the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{pattern[:64]!r} is no RE2 pattern: {reason}") from None


def _compiled(pattern: str | Pattern, fuel: Fuel) -> Pattern:
    if isinstance(pattern, _COMPILED):
        return pattern
    if not isinstance(pattern, str):
        raise type_error(f"a pattern is text, not {kind(pattern)}")
    fuel.text(len(pattern))
    fuel.burn(_COMPILING)
    return compile_pattern(pattern)


def _text(value: Any, name: str, fuel: Fuel) -> str:
    if isinstance(defined(value), list | dict):
        raise type_error(f"{name} works on text, not on {kind(value)}")
    return to_text(value, fuel)


def regex_match(value: Any, fuel: Fuel, pattern: str | Pattern) -> bool:
    """True when the pattern matches at the text's start, as `re.match` does; end it in `$` for the whole text."""
    text = _text(value, "regex_match", fuel)
    return _compiled(pattern, fuel).match(text) is not None


def regex_replace(value: Any, fuel: Fuel, pattern: str | Pattern, replacement: str = "") -> str:
    r"""Replace each match; `\1` in the replacement is the first group."""
    text, replacement = _text(value, "regex_replace", fuel), to_text(replacement, fuel)
    references = replacement.count("\\")
    parts, end = [], 0
    for found in _matches(_compiled(pattern, fuel), text, fuel):
        fuel.text(len(replacement) + references * (found.end() - found.start()))
        parts += [text[end : found.start()], found.expand(replacement)]
        end = found.end()
    fuel.text(sum(map(len, parts)) + len(text) - end)
    return "".join([*parts, text[end:]])


def _matches(pattern: Pattern, text: str, fuel: Fuel) -> Iterator[Any]:
    """Each match may have to read all of the text that is left."""
    for found in pattern.finditer(text):
        fuel.burn()
        fuel.read(len(text) - found.end())
        yield found

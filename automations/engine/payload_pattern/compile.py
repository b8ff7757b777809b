"""From a pattern as written to matchers, or to every mistake in it."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from automations.engine.payload_pattern.alternatives import (
    NUMBER_BOUND,
    Alternatives,
    Test,
    equal,
    in_network,
    is_number,
    negated,
    numeric,
    on_text,
    written,
)
from automations.engine.payload_pattern.errors import Path, PatternError, PatternProblem
from automations.engine.payload_pattern.pattern import AllOf, AnyOf, Field, Inside, Matcher, PayloadPattern
from automations.engine.wildcard import compile_parts

_OR: Final = "$or"
_TESTS: Final = (
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
)
_RESERVED: Final = frozenset({*_TESTS, "exactly", "regex", "=", "<", "<=", ">", ">="})
"""Names that event-ruler keeps for tests: no field inside of `$or` can have one."""
_DEEPEST: Final = 64
_MOST_BRANCHES: Final = 1_000
_NONE: Final = Alternatives()
_ESCAPES: Final = re.compile(r"\\(.?)|\*", re.DOTALL)


def compile_pattern(pattern: Mapping[str, Any]) -> PayloadPattern:
    """Compile a pattern; PatternError with all of its mistakes for one that AWS refuses."""
    compiler = _Compiler()
    branches = compiler.branches((), pattern)
    if compiler.problems:
        raise PatternError(compiler.problems)
    matchers = tuple(_all_of(branch) for branch in branches)
    return PayloadPattern(matchers[0] if len(matchers) == 1 else AnyOf(matchers))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one branch wants of a field: of its values, all of `leaves`; of the objects in it, `inner`."""

    leaves: tuple[Alternatives, ...] = ()
    inner: Mapping[str, _Wanted] = field(default_factory=dict)


_Branch = Mapping[str, _Wanted]


def _both(first: _Branch, second: _Branch) -> _Branch:
    """Want both: what stands outside of `$or` holds together with each branch, in the same element of an array."""
    nothing = _Wanted()
    return {
        key: _Wanted(
            first.get(key, nothing).leaves + second.get(key, nothing).leaves,
            _both(first.get(key, nothing).inner, second.get(key, nothing).inner),
        )
        for key in {**first, **second}
    }


def _all_of(branch: _Branch) -> AllOf:
    parts: list[Matcher] = []
    for key, wanted in branch.items():
        parts += [Field(key, alternatives) for alternatives in wanted.leaves]
        if wanted.inner:
            inner = _all_of(wanted.inner)
            parts.append(Inside(key, inner, inner.absence))
    return AllOf(tuple(parts))


class _Refused(Exception):
    """One mistake, at the place that is being read."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class _Compiler:
    """Reads a pattern into branches, as event-ruler does: one for each choice among `$or`, and among a value and
    its absence, so that what must hold together stands together.
    """

    def __init__(self) -> None:
        self.problems: list[PatternProblem] = []

    def branches(self, path: Path, pattern: Any, *, in_or: bool = False) -> list[_Branch]:
        """The branches of one object of fields."""
        if not isinstance(pattern, dict):
            self._refuse(path, "wrong-type", "a pattern is a mapping of fields")
            return [{}]
        if not pattern:
            self._refuse(path, "empty-pattern", "a mapping without fields matches nothing in particular")
            return [{}]
        if len(path) > _DEEPEST:
            self._refuse(path, "too-deep", "the pattern is nested too deeply")
            return [{}]
        found: list[_Branch] = [{}]
        for key, wanted in pattern.items():
            options = self._options(path, key, wanted, in_or)
            if len(found) * len(options) > _MOST_BRANCHES:
                self._refuse((*path, key), "too-many-branches", f"the choices are more than {_MOST_BRANCHES:,}")
                return [{}]
            found = [_both(branch, option) for branch in found for option in options]
        return found

    def _options(self, path: Path, key: Any, wanted: Any, in_or: bool) -> list[_Branch]:
        below = (*path, key)
        if key == _OR and _is_or(wanted):
            return [b for i, each in enumerate(wanted) for b in self.branches((*below, i), each, in_or=True)]
        if not isinstance(key, str):
            self._refuse(below, "wrong-type", "the name of a field is text")
        elif in_or and key in _RESERVED:
            self._refuse(below, "reserved-name", f"no field inside of '$or' can be named {key!r}")
        if isinstance(wanted, dict):
            return [{key: _Wanted(inner=branch)} for branch in self.branches(below, wanted, in_or=in_or)]
        return [{key: _Wanted((alternatives,))} for alternatives in self._alternatives(below, wanted)]

    def _alternatives(self, path: Path, wanted: Any) -> Sequence[Alternatives]:
        """The alternatives of a field; its absence, where that is one of them, is a branch of its own."""
        if not isinstance(wanted, list):
            self._refuse(path, "wrong-type", "a field has a list of alternatives", f"write [{written(wanted)}]")
            return [_NONE]
        if not wanted:
            self._refuse(path, "empty-alternatives", "an empty list of alternatives matches nothing")
        absent = [item for item in wanted if item == {"exists": False}]
        present = [item for item in wanted if item != {"exists": False}]
        found = [self._present(path, wanted, present)] if present or not absent else []
        return [*found, Alternatives(absent=True, written=written(wanted))] if absent else found

    def _present(self, path: Path, wanted: list[Any], items: list[Any]) -> Alternatives:
        literals = [item for item in items if not isinstance(item, dict | list)]
        tests = [self._test((*path, i), item) for i, item in enumerate(wanted) if isinstance(item, dict | list)]
        for position, item in enumerate(wanted):
            if not isinstance(item, dict | list) and not _is_json(item):
                self._refuse((*path, position), "wrong-type", f"{item!r} is no value of JSON")
        exactly = [item["exactly"] for item in items if isinstance(item, dict) and list(item) == ["exactly"]]
        literals += [item for item in exactly if isinstance(item, str)]
        return Alternatives(
            texts=frozenset(item for item in literals if isinstance(item, str)),
            numbers=frozenset(item for item in literals if is_number(item)),
            names=frozenset(item for item in literals if item is None or isinstance(item, bool)),
            tests=tuple(test for test in tests if test is not None),
            present={"exists": True} in items,
            written=written(wanted),
        )

    def _test(self, path: Path, item: Any) -> Test | None:
        try:
            return _compile_test(item)
        except _Refused as refused:
            self._refuse(path, refused.code, refused.message, refused.hint)
            return None

    def _refuse(self, path: Path, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(PatternProblem(path, code, message, hint))


def _is_json(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**64
    return value is None or isinstance(value, str | bool) or (isinstance(value, float) and math.isfinite(value))


def _is_or(wanted: Any) -> bool:
    """`$or` is an ordinary field unless it lists two objects of fields or more (event-ruler)."""
    objects = isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(item, dict) for item in wanted)
    return objects and not any(key in _RESERVED for branch in wanted for key in branch)


def _compile_test(item: Any) -> Test:
    if isinstance(item, list):
        raise _Refused("wrong-type", "an alternative is a text, a number, true, false, null or one test")
    if len(item) != 1:
        raise _Refused("one-test", f"an alternative is one test, not {len(item)}", "list them as alternatives")
    ((name, argument),) = item.items()
    compile_one = _COMPILERS.get(name)
    if compile_one is None:
        hint = f"the tests are {', '.join(_TESTS)}; '$or' wants two mappings of fields or more"
        raise _Refused("unknown-test", f"there is no test {name!r}", hint)
    return compile_one(argument)


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise _Refused("wrong-type", f"{name!r} wants a text")
    return argument


def _affix(name: str) -> Callable[[Any], Test]:
    """`prefix` or `suffix`, by letters as written or, with `equals-ignore-case` inside, whatever their case."""
    holds = str.startswith if name == "prefix" else str.endswith

    def compile_one(argument: Any) -> Test:
        if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
            folded = _text(name, argument["equals-ignore-case"]).lower()
            return on_text(lambda text: holds(text.lower(), folded))
        affix = _text(name, argument)
        return on_text(lambda text: holds(text, affix))

    return compile_one


def _ignore_case(argument: Any) -> Test:
    folded = _text("equals-ignore-case", argument).lower()
    return on_text(lambda text: text.lower() == folded)


def _wildcard(argument: Any) -> Test:
    return on_text(compile_parts(list(_parts(_text("wildcard", argument)))))


def _parts(pattern: str) -> Iterator[str]:
    r"""Part at each `*`; `\*` and `\\` are the characters themselves."""
    part, start = "", 0
    star: int | None = None
    for found in _ESCAPES.finditer(pattern):
        part += pattern[start : found.start()]
        start = found.end()
        if found.group() == "*":
            if star == found.start():
                raise _Refused("bad-wildcard", "two '*' stand beside each other", "one is enough")
            star = found.end()
            yield part
            part = ""
        elif found.group(1) in ("*", "\\") and found.group(1):
            part += found.group(1)
        else:
            raise _Refused("bad-wildcard", r"'\' stands before '*' or '\' only", r"write '\\' for the character")
    yield part + pattern[start:]


def _exactly(argument: Any) -> Test:
    return equal(_text("exactly", argument))


def _exists(argument: Any) -> Test:
    if not isinstance(argument, bool):
        raise _Refused("wrong-type", "'exists' wants true or false")
    return lambda _value: argument


def _cidr(argument: Any) -> Test:
    text = _text("cidr", argument)
    if not text.rpartition("/")[2].isdecimal() or "/" not in text:
        raise _Refused("bad-cidr", f"{text!r} is no range of addresses", "write 10.0.0.0/24")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise _Refused("bad-cidr", f"{text!r} is no range of addresses: {error}") from None
    if network.prefixlen == network.max_prefixlen:
        raise _Refused("bad-cidr", f"{text!r} is one address, no range", "write the address as a text")
    return in_network(network)


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise _Refused("bad-numeric", "'numeric' wants one comparison or two", 'write [">", 0, "<=", 5]')
    terms = list(zip(argument[::2], argument[1::2], strict=True))
    for symbol, bound in terms:
        if symbol not in ("=", "<", "<=", ">", ">="):
            raise _Refused("bad-numeric", f"{written(symbol)} is no comparison", "one of =, <, <=, >, >=")
        if not is_number(bound) or not -NUMBER_BOUND <= bound <= NUMBER_BOUND:
            raise _Refused("bad-numeric", f"{written(bound)} is no number between -5e9 and 5e9")
    if len(terms) == 2:
        _check_range(*terms)
    return numeric(terms)


def _check_range(low: tuple[str, float], high: tuple[str, float]) -> None:
    if low[0] not in (">", ">=") or high[0] not in ("<", "<="):
        raise _Refused("bad-numeric", "a range begins with > or >= and ends with < or <=")
    if low[1] >= high[1]:
        raise _Refused("bad-numeric", f"the range ends at {high[1]}, not above its start {low[1]}")


def _anything_but(argument: Any) -> Test:
    if isinstance(argument, dict):
        return negated(list(_inner_tests(argument)))
    values = argument if isinstance(argument, list) else [argument]
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if is_number(value)]
    if not values or max(len(texts), len(numbers)) < len(values):
        raise _Refused("bad-anything-but", "'anything-but' wants texts, or numbers, and not both")
    return negated([equal(value) for value in values])


def _inner_tests(argument: Mapping[str, Any]) -> Iterator[Test]:
    inner = ("equals-ignore-case", "prefix", "suffix", "wildcard")
    if len(argument) != 1 or next(iter(argument)) not in inner:
        raise _Refused("bad-anything-but", f"inside of 'anything-but' stands one of {', '.join(inner)}")
    ((name, values),) = argument.items()
    values = values if isinstance(values, list) else [values]
    if not values or "" in values:
        raise _Refused("bad-anything-but", f"{name!r} inside of 'anything-but' must not be empty")
    for value in values:
        yield _COMPILERS[name](_text(name, value))


_COMPILERS: Final[Mapping[str, Callable[[Any], Test]]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _ignore_case,
    "exactly": _exactly,
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _affix("prefix"),
    "suffix": _affix("suffix"),
    "wildcard": _wildcard,
}

"""From a pattern as written to matchers, or to every mistake in it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
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
_ESCAPES: Final = re.compile(r"\\(.?)|\*", re.DOTALL)


def compile_pattern(pattern: Mapping[str, Any]) -> PayloadPattern:
    """Compile a pattern; PatternError with all of its mistakes for one that AWS refuses."""
    compiler = _Compiler()
    root = compiler.fields((), pattern)
    if compiler.problems:
        raise PatternError(compiler.problems)
    return PayloadPattern(root)


class _Refused(Exception):
    """One mistake, at the place that is being read."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class _Compiler:
    def __init__(self) -> None:
        self.problems: list[PatternProblem] = []

    def fields(self, path: Path, pattern: Any) -> AllOf:
        """The fields of one object."""
        if not isinstance(pattern, dict):
            self._refuse(path, "wrong-type", "a pattern is a mapping of fields")
            return AllOf(())
        if not pattern:
            self._refuse(path, "empty-pattern", "a mapping without fields matches nothing in particular")
        return AllOf(tuple(self._field(path, key, wanted) for key, wanted in pattern.items()))

    def _field(self, path: Path, key: str, wanted: Any) -> Matcher:
        below = (*path, key)
        if key == _OR and _is_or(wanted):
            return AnyOf(tuple(self.fields((*below, i), branch) for i, branch in enumerate(wanted)))
        if isinstance(wanted, dict):
            return Inside(key, self.fields(below, wanted))
        return Field(key, self._alternatives(below, wanted))

    def _alternatives(self, path: Path, wanted: Any) -> Alternatives:
        if not isinstance(wanted, list):
            self._refuse(path, "wrong-type", "a field has a list of alternatives", f"write [{written(wanted)}]")
            wanted = []
        elif not wanted:
            self._refuse(path, "empty-alternatives", "an empty list of alternatives matches nothing")
        literals = [item for item in wanted if not isinstance(item, dict | list)]
        tests = [(test, item) for i, item in enumerate(wanted) if (test := self._test((*path, i), item))]
        exists = [item["exists"] for _, item in tests if "exists" in item]
        return Alternatives(
            texts=frozenset(item for item in literals if isinstance(item, str)),
            numbers=frozenset(item for item in literals if is_number(item)),
            names=frozenset(item for item in literals if item is None or isinstance(item, bool)),
            tests=tuple(test for test, item in tests if "exists" not in item),
            present=True in exists,
            absent=False in exists,
            written=written(wanted),
        )

    def _test(self, path: Path, item: Any) -> Test | None:
        if not isinstance(item, dict | list):
            return None
        try:
            return _compile_test(item)
        except _Refused as refused:
            self._refuse(path, refused.code, refused.message, refused.hint)
            return None

    def _refuse(self, path: Path, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(PatternProblem(path, code, message, hint))


def _is_or(wanted: Any) -> bool:
    """`$or` is an ordinary field unless it lists two objects of fields or more (event-ruler)."""
    objects = isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(item, dict) for item in wanted)
    return objects and not any(key in _TESTS for branch in wanted for key in branch)


def _compile_test(item: Any) -> Test:
    if isinstance(item, list):
        raise _Refused("wrong-type", "an alternative is a text, a number, true, false, null or one test")
    if len(item) != 1:
        raise _Refused("one-test", f"an alternative is one test, not {len(item)}", "list them as alternatives")
    ((name, argument),) = item.items()
    compile_one = _COMPILERS.get(name)
    if compile_one is None:
        raise _Refused("unknown-test", f"there is no test {name!r}", f"the tests are {', '.join(_TESTS)}")
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


def _exists(argument: Any) -> Test:
    if not isinstance(argument, bool):
        raise _Refused("wrong-type", "'exists' wants true or false")
    return lambda _value: argument


def _cidr(argument: Any) -> Test:
    text = _text("cidr", argument)
    if "/" not in text:
        raise _Refused("bad-cidr", f"{text!r} is no range of addresses", "write 10.0.0.0/24")
    try:
        return in_network(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise _Refused("bad-cidr", f"{text!r} is no range of addresses: {error}") from None


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
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _affix("prefix"),
    "suffix": _affix("suffix"),
    "wildcard": _wildcard,
}

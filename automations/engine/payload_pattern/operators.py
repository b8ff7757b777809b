"""One alternative of a field, from what is written to what it accepts."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from automations.engine.payload_pattern.addresses import read_address
from automations.engine.payload_pattern.alternatives import Alternatives, Test, is_number, written
from automations.engine.payload_pattern.errors import Path, PatternProblem
from automations.engine.wildcard import compile_parts

NUMBER_BOUND: Final = 5e9
"""Numeric matching is defined between -5e9 and 5e9, both included (AWS)."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ESCAPES: Final = re.compile(r"\\(.?)|\*", re.DOTALL)
_MASK: Final = re.compile(r"[0-9]{1,3}")

TextTest = Callable[[str], bool]


class _Refused(Exception):
    """What is wrong with the alternative."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def compile_alternative(path: Path, item: Any) -> Alternatives | PatternProblem:
    """Compile a value or a test; the problem, at `path`, of what is neither."""
    try:
        return _compile_test(item) if isinstance(item, dict) else _value(item)
    except _Refused as refused:
        return PatternProblem(path, refused.code, refused.message, refused.hint)


def _value(item: Any) -> Alternatives:
    if isinstance(item, str):
        return _literal(item)
    if item is None or isinstance(item, bool):
        return Alternatives(names=frozenset((item,)))
    if not is_number(item):
        what = "an alternative is a text, a number, true, false, null or one test"
        raise _Refused("wrong-type", what, None if isinstance(item, list) else "put a text in quotes")
    if not math.isfinite(item) if isinstance(item, float) else not -(2**63) <= item < 2**64:
        raise _Refused("wrong-type", "a number is finite, and an integer has 64 bits at most")
    return Alternatives(numbers=frozenset((item,)))


def _literal(text: str) -> Alternatives:
    """A text; one that is an address accepts the address, however it is written."""
    address = read_address(text)
    tests = () if address is None else (_on_text(lambda seen: read_address(seen) == address),)
    return Alternatives(texts=frozenset((text,)), tests=tests)


def _compile_test(item: Mapping[Any, Any]) -> Alternatives:
    if len(item) != 1:
        raise _Refused("one-test", f"an alternative is one test, not {len(item)}", "list them as alternatives")
    ((name, argument),) = item.items()
    if name in _ON_TEXT:
        return Alternatives(tests=(_on_text(_ON_TEXT[name](argument)),))
    if name in _OTHERS:
        return _OTHERS[name](argument)
    raise _Refused("unknown-test", f"there is no test {name!r}", f"the tests are {', '.join(TESTS)}")


def _on_text(test: TextTest) -> Test:
    return lambda value: isinstance(value, str) and test(value)


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise _Refused("wrong-type", f"{name!r} wants a text")
    return argument


def _affix(name: str) -> Callable[[Any], TextTest]:
    """`prefix` or `suffix`, by letters as written or, with `equals-ignore-case` inside, whatever their case."""
    holds = str.startswith if name == "prefix" else str.endswith

    def compile_one(argument: Any) -> TextTest:
        if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
            folded = _text(name, argument["equals-ignore-case"]).lower()
            return lambda text: holds(text.lower(), folded)
        affix = _text(name, argument)
        return lambda text: holds(text, affix)

    return compile_one


def _ignore_case(argument: Any) -> TextTest:
    folded = _text("equals-ignore-case", argument).lower()
    return lambda text: text.lower() == folded


def _wildcard(argument: Any) -> TextTest:
    return compile_parts(list(_parts(_text("wildcard", argument))))


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


def _cidr(argument: Any) -> TextTest:
    text = _text("cidr", argument)
    written_address, _, mask = text.partition("/")
    address = read_address(written_address)
    if address is None or not _MASK.fullmatch(mask):
        raise _Refused("bad-cidr", f"{written(text)} is no range of addresses", "write 10.0.0.0/24")
    length = int(mask)
    if length >= address.bits:
        raise _Refused(
            "bad-cidr", f"{written(text)} is no range: its mask is below {address.bits}", "write one address alone"
        )
    network = address.prefix(length)

    def holds(seen: str) -> bool:
        found = read_address(seen)
        return found is not None and found.bits == network.bits and found.prefix(length) == network

    return holds


def _exactly(argument: Any) -> Alternatives:
    return Alternatives(texts=frozenset((_text("exactly", argument),)))


def _exists(argument: Any) -> Alternatives:
    if not isinstance(argument, bool):
        raise _Refused("wrong-type", "'exists' wants true or false")
    return Alternatives(present=argument, absent=not argument)


def _numeric(argument: Any) -> Alternatives:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise _Refused("bad-numeric", "'numeric' wants one comparison or two", 'write [">", 0, "<=", 5]')
    terms = list(zip(argument[::2], argument[1::2], strict=True))
    for symbol, bound in terms:
        if not isinstance(symbol, str) or symbol not in _COMPARE:
            raise _Refused("bad-numeric", f"{written(symbol)} is no comparison", f"one of {', '.join(_COMPARE)}")
        _check_bound("bad-numeric", bound)
    if len(terms) == 2:
        _check_range(*terms)
    return Alternatives(tests=(_compare(terms),))


def _check_bound(code: str, bound: Any) -> None:
    if not is_number(bound) or not -NUMBER_BOUND <= bound <= NUMBER_BOUND:
        raise _Refused(code, f"{written(bound)} is no number between -5e9 and 5e9")


def _check_range(low: tuple[str, float], high: tuple[str, float]) -> None:
    if low[0] not in (">", ">=") or high[0] not in ("<", "<="):
        raise _Refused("bad-numeric", "a range begins with > or >= and ends with < or <=")
    if low[1] >= high[1]:
        raise _Refused("bad-numeric", f"the range ends at {high[1]}, not above its start {low[1]}")


def _compare(terms: Sequence[tuple[str, float]]) -> Test:
    comparisons = [(_COMPARE[symbol], bound) for symbol, bound in terms]

    def holds(value: Any) -> bool:
        in_bounds = is_number(value) and -NUMBER_BOUND <= value <= NUMBER_BOUND
        return in_bounds and all(compare(value, bound) for compare, bound in comparisons)

    return holds


def _anything_but(argument: Any) -> Alternatives:
    """Accept every value, of any kind, that is none of these."""
    if isinstance(argument, dict):
        tests = list(_inner_tests(argument))
        return Alternatives(tests=(lambda value: not any(test(value) for test in tests),))
    values = argument if isinstance(argument, list) else [argument]
    if values and all(isinstance(value, str) for value in values):
        texts = frozenset(values)
        return Alternatives(tests=(lambda value: not (isinstance(value, str) and value in texts),))
    if not values or not all(is_number(value) for value in values):
        raise _Refused("bad-anything-but", "'anything-but' wants texts, or numbers, and not both")
    for value in values:
        _check_bound("bad-anything-but", value)
    numbers = frozenset(values)
    return Alternatives(tests=(lambda value: not (is_number(value) and value in numbers),))


def _inner_tests(argument: Mapping[Any, Any]) -> Iterator[Test]:
    inner = ("equals-ignore-case", "prefix", "suffix", "wildcard")
    if len(argument) != 1 or next(iter(argument)) not in inner:
        raise _Refused("bad-anything-but", f"inside of 'anything-but' stands one of {', '.join(inner)}")
    ((name, values),) = argument.items()
    values = values if isinstance(values, list) else [values]
    if not values or ("" in values and name in ("prefix", "suffix")):
        raise _Refused("bad-anything-but", f"{name!r} inside of 'anything-but' must not be empty")
    for value in values:
        yield _on_text(_ON_TEXT[name](_text(name, value)))


_ON_TEXT: Final[Mapping[Any, Callable[[Any], TextTest]]] = {
    "cidr": _cidr,
    "equals-ignore-case": _ignore_case,
    "prefix": _affix("prefix"),
    "suffix": _affix("suffix"),
    "wildcard": _wildcard,
}
_OTHERS: Final[Mapping[Any, Callable[[Any], Alternatives]]] = {
    "anything-but": _anything_but,
    "exactly": _exactly,
    "exists": _exists,
    "numeric": _numeric,
}
TESTS: Final = tuple(sorted((*_ON_TEXT, *_OTHERS)))
"""The names of all tests."""

"""From a pattern as written to its matcher, or to every mistake in it."""

from __future__ import annotations

from typing import Any, Final

from automations.engine.payload_pattern.alternatives import Alternatives, written
from automations.engine.payload_pattern.branches import Branch, Wanted, both, match_any
from automations.engine.payload_pattern.errors import Path, PatternError, PatternProblem
from automations.engine.payload_pattern.operators import TESTS, compile_alternative
from automations.engine.payload_pattern.pattern import PayloadPattern
from automations.model.document import JsonObject

_OR: Final = "$or"
_RESERVED: Final = frozenset(
    {
        *TESTS,
        *("=", "<", "<=", ">", ">="),
        *("regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    }
)
"""Names that event-ruler keeps for tests: no field inside of `$or` has one."""
_MOST_STEPS: Final = 32
_MOST_BRANCHES: Final = 1_000
_WANTS_BRANCHES: Final = "'$or' wants two branches of fields or more"


def compile_pattern(pattern: JsonObject) -> PayloadPattern:
    """Compile a pattern; PatternError with all of its mistakes for one that AWS refuses, that has more than 1,000
    branches, or that is more than 32 steps deep.
    """
    compiler = _Compiler()
    branches = compiler.branches((), pattern)
    problems = compiler.all_problems()
    if problems:
        raise PatternError(problems)
    return PayloadPattern(match_any(branches))


class _Compiler:
    """Reads a pattern into branches as event-ruler does: what stands outside of `$or` belongs to each of them."""

    def __init__(self) -> None:
        self._problems: list[PatternProblem] = []
        self._branching = False
        self._fields_named_or: list[Path] = []

    def all_problems(self) -> list[PatternProblem]:
        """Return all mistakes. Once `$or` branches somewhere, it is no field's name anywhere (event-ruler)."""
        if self._branching:
            for path in self._fields_named_or:
                self._refuse(
                    path, "bad-or", _WANTS_BRANCHES, "it is a field only where no other '$or' has branches"
                )
            self._fields_named_or = []
        return self._problems

    def branches(self, path: Path, pattern: Any, *, in_or: bool = False) -> list[Branch]:
        """Return the branches of an object of fields; what is refused wants nothing."""
        found: list[Branch] = [{}]
        if not self._is_object(path, pattern):
            return found
        for key, wanted in pattern.items():
            options = self._options((*path, key), wanted, in_or)
            if len(found) * len(options) > _MOST_BRANCHES:
                what = f"the choices of '$or' multiply to more than {_MOST_BRANCHES:,}"
                self._refuse((*path, key), "too-many-branches", what)
                found, options = [{}], [{}]
            found = [both(branch, option) for branch in found for option in options]
        return found

    def _is_object(self, path: Path, pattern: Any) -> bool:
        if not isinstance(pattern, dict):
            self._refuse(path, "wrong-type", "a pattern is a mapping of fields")
        elif not pattern:
            self._refuse(path, "empty-pattern", "a mapping without fields matches nothing in particular")
        elif len(path) >= _MOST_STEPS:
            self._refuse(path, "too-deep", f"a pattern is at most {_MOST_STEPS} steps deep")
        else:
            return True
        return False

    def _options(self, path: Path, wanted: Any, in_or: bool) -> list[Branch]:
        key = path[-1]
        if not isinstance(key, str):
            self._refuse(path, "wrong-type", "the name of a field is a text", "put it in quotes")
            return [{}]
        if key == _OR and isinstance(wanted, list) and not _are_alternatives(wanted):
            return self._branches_of_or(path, wanted)
        if key == _OR:
            self._fields_named_or.append(path)
        elif in_or and key in _RESERVED:
            self._refuse(
                path, "reserved-name", f"no field inside of '$or' is named {key!r}", "it is kept for tests"
            )
        if isinstance(wanted, dict):
            return [{key: Wanted(inner=branch)} for branch in self.branches(path, wanted, in_or=in_or)]
        return [{key: Wanted((self._alternatives(path, wanted),))}]

    def _branches_of_or(self, path: Path, wanted: list[Any]) -> list[Branch]:
        self._branching = True
        if len(wanted) < 2 or not all(isinstance(each, dict) and not _tests_in(each) for each in wanted):
            tests = ", ".join(repr(name) for each in wanted if isinstance(each, dict) for name in _tests_in(each))
            hint = f"a branch has no field named {tests}" if tests else "write [{a: [1]}, {b: [2]}]"
            self._refuse(path, "bad-or", _WANTS_BRANCHES, hint)
            return [{}]
        return [branch for i, each in enumerate(wanted) for branch in self.branches((*path, i), each, in_or=True)]

    def _alternatives(self, path: Path, wanted: Any) -> Alternatives:
        if not isinstance(wanted, list):
            self._refuse(path, "wrong-type", "a field has a list of alternatives", f"write [{written(wanted)}]")
            return Alternatives()
        if not wanted:
            self._refuse(path, "empty-alternatives", "an empty list of alternatives matches nothing")
        each = [compile_alternative((*path, i), item) for i, item in enumerate(wanted)]
        self._problems += [one for one in each if isinstance(one, PatternProblem)]
        return Alternatives.any_of([one for one in each if isinstance(one, Alternatives)], written(wanted))

    def _refuse(self, path: Path, code: str, message: str, hint: str | None = None) -> None:
        self._problems.append(PatternProblem(path, code, message, hint))


def _are_alternatives(wanted: list[Any]) -> bool:
    """`$or` is the name of a field where it lists values and tests only (event-ruler)."""
    return bool(wanted) and all(not isinstance(each, dict) or _tests_in(each) for each in wanted)


def _tests_in(item: dict[Any, Any]) -> list[str]:
    return [name for name in item if name in _RESERVED]

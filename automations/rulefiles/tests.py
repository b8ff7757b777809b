"""Files of rule tests into tests: everything, or every problem of every file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from automations.errors import Location, Problem, RuleFileErrors
from automations.model.rule_test import RuleTest, RuleTestFile
from automations.rulefiles.document import Document
from automations.rulefiles.files import read_file, rule_test_files
from automations.rulefiles.validate import validate


@dataclass(frozen=True, slots=True)
class LocatedTest:
    """A test, where it stands, and where each firing that it expects stands. `file` is its file: it tests the
    automations of that folder and below.
    """

    test: RuleTest
    file: Path
    location: Location
    expected: Sequence[Location]


@dataclass(frozen=True, slots=True)
class CheckedTests:
    """The `tests` of the files without an error, in order of place, and all `problems`."""

    tests: Sequence[LocatedTest]
    problems: Sequence[Problem]


def load_tests(path: str | Path) -> Sequence[LocatedTest]:
    """Load the tests of a folder (`*_test.yaml`, searched to its depth) or of one file, in order of place.

    RuleFileErrors has every problem.
    """
    checked = check_tests([Path(path)])
    if checked.problems:
        raise RuleFileErrors(list(checked.problems))
    return checked.tests


def check_tests(paths: Sequence[Path]) -> CheckedTests:
    """Read all test files below the paths and report all of their errors."""
    files, problems = rule_test_files(paths)
    tests: list[LocatedTest] = []
    for file in files:
        documents, unread = read_file(file)
        problems += unread
        places: dict[str, Location] = {}
        for document in documents:
            found, wrong = validate(document, RuleTestFile)
            problems += wrong
            for located in _located(document, file, found.tests if found else ()):
                first = places.setdefault(located.test.name, located.location)
                if first == located.location:
                    tests.append(located)
                else:
                    problems.append(_taken(located, first))
    return CheckedTests(tests, sorted(problems, key=lambda problem: (problem.location, problem.code)))


def _located(document: Document, file: Path, tests: Sequence[RuleTest]) -> Iterator[LocatedTest]:
    for index, test in enumerate(tests):
        path = ("tests", index)
        expected = [document.location((*path, "expect", position)) for position in range(len(test.expect or ()))]
        yield LocatedTest(test, file, document.location((*path, "name"), key=True), expected)


def _taken(located: LocatedTest, first: Location) -> Problem:
    message = f"the name {located.test.name!r} is taken: another test of this file has it at {first}"
    return Problem("duplicate-name", message, located.location, "give each test a name of its own")

"""What a failed test tells: a diff, and why the nearest automation did not fire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import ndiff
from xml.etree.ElementTree import Element, SubElement, tostring

import yaml

from automations.engine.explain import SENTENCES, Finding, explain
from automations.engine.index import compile_rules
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.model.moment import format_duration
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet
from automations.rulefiles import LocatedTest
from automations.ruletests.compare import Difference, compare
from automations.ruletests.run import Outcome, in_scope


def describe(located: LocatedTest, outcome: Outcome, rules: RuleSet) -> Sequence[str]:
    """Return the lines that say why a test failed; none: it passed."""
    differences = compare(outcome)
    lines = [line for difference in differences for line in _diff(difference)]
    wanted = outcome.test.suppressed
    if wanted is not None and wanted != outcome.suppressed:
        lines.append(f"suppressed: expected {wanted}, actual {outcome.suppressed}")
    if any(difference.actual is None for difference in differences):
        lines += _nearest(located, outcome, rules, differences)
    return lines


def _diff(difference: Difference) -> Iterator[str]:
    number = difference.position + 1
    if difference.actual is None:
        yield f"firing {number} did not come:"
    elif difference.expected is None:
        yield f"firing {number} was not expected:"
    else:
        yield f"firing {number} differs (- expected, + actual):"
    lines = ndiff(_yaml(difference.expected), _yaml(difference.actual))
    yield from (f"  {line}" for line in lines if not line.startswith("?"))


def _yaml(value: JsonObject | None) -> list[str]:
    if value is None:
        return []
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100).splitlines()


def _nearest(
    located: LocatedTest, outcome: Outcome, rules: RuleSet, differences: Sequence[Difference]
) -> Iterator[str]:
    """The automation that came nearest to a firing that did not come, and the event that brought it there."""
    missing = next(difference.expected for difference in differences if difference.actual is None)
    name = (missing or {}).get("automation")
    found = [(finding.nearness, automation, event, finding) for automation, event, finding in _findings(
        located, outcome, rules, name
    )]  # fmt: skip
    if not found:
        yield "no automation of this folder saw any event"
        return
    _, automation, event, finding = max(reversed(found), key=lambda each: each[0])
    at = format_duration(max(event.time - outcome.test.start, 0))
    yield f"nearest: {automation!r} at {event.name!r} ({at}): {told(finding)}"


def _findings(
    located: LocatedTest, outcome: Outcome, rules: RuleSet, name: str | None
) -> Iterator[tuple[str, Event, Finding]]:
    index = compile_rules(in_scope(located, rules))
    for given in outcome.inputs:
        for step in given.trace:
            if name in (None, step["automation"]) and step["reason"] is not Reason.FIRED:
                yield step["automation"], given.event, Finding(step["trigger"], step["reason"])
        for explanation in explain(index, given.event, name):
            nearest = explanation.nearest
            if nearest.condition is not None:
                yield explanation.automation, given.event, nearest


def told(finding: Finding) -> str:
    """A finding as a sentence."""
    if finding.condition is None:
        return SENTENCES[finding.reason]
    return f"{SENTENCES[finding.reason]}: {finding.condition} saw {finding.seen}, wanted {finding.wanted}"


def junit(results: Sequence[tuple[LocatedTest, Sequence[str]]]) -> bytes:
    """The results (a test with the lines of its failure) as JUnit's XML, one suite for each file."""
    root = Element("testsuites")
    for file in dict.fromkeys(located.file for located, _ in results):
        of_file = [(located, lines) for located, lines in results if located.file == file]
        failures = sum(bool(lines) for _, lines in of_file)
        suite = SubElement(
            root, "testsuite", name=str(file), tests=str(len(of_file)), failures=str(failures), errors="0"
        )
        for located, lines in of_file:
            place = located.location
            case = SubElement(
                suite,
                "testcase",
                name=located.test.name,
                classname=str(file),
                file=place.file,
                line=str(place.line),
            )
            if lines:
                SubElement(case, "failure", message=lines[0]).text = "\n".join(lines)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))

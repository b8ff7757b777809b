"""What the engine compiles of a trigger as written: payload patterns, and paths into the payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automations.engine.grouping import payload_path
from automations.engine.payload_pattern import PatternError, compile_pattern
from automations.errors import Problem
from automations.rulefiles.document import Document, Path
from automations.rulefiles.parts import triggers_of


def lint_conditions(document: Document, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    """Check the patterns and paths of an automation's triggers, whatever else may be wrong with it."""
    for step, trigger in triggers_of(path, rule):
        yield from _pattern(document, (*step, "match_payload"), trigger.get("match_payload"))
        yield from _groups(document, (*step, "for_each"), trigger.get("for_each"))
        metric = trigger.get("metric")
        if isinstance(metric, dict):
            yield from _path(document, (*step, "metric", "value"), metric.get("value"), "bad-metric-value")
    throttle = rule.get("throttle")
    if isinstance(throttle, dict):
        yield from _groups(document, (*path, "throttle", "for_each"), throttle.get("for_each"))


def _pattern(document: Document, path: Path, pattern: Any) -> Iterator[Problem]:
    if isinstance(pattern, dict):
        try:
            compile_pattern(pattern)
        except PatternError as error:
            for problem in error.problems:
                where = document.location((*path, *problem.path))
                yield Problem(problem.code, problem.message, where, problem.hint)


def _groups(document: Document, path: Path, labels: Any) -> Iterator[Problem]:
    listed = (
        [((*path, position), label) for position, label in enumerate(labels)] if isinstance(labels, list) else []
    )
    for step, label in listed or [(path, labels)]:
        yield from _path(document, step, label, "bad-group")


def _path(document: Document, path: Path, text: Any, code: str) -> Iterator[Problem]:
    if isinstance(text, str) and text.startswith("payload."):
        try:
            payload_path(text)
        except ValueError as error:
            yield Problem(code, str(error), document.location(path))

"""Generated templates on large events: no escape, no hang, no growth. FUZZ_TEMPLATES says how many."""

from __future__ import annotations

import os
import resource
from time import thread_time
from typing import Any

from hypothesis import HealthCheck, given, settings
from unit.templating.test_fuzz import JSON, LARGE, TEMPLATES, assert_plain, outcome

EXAMPLES = int(os.environ.get("FUZZ_TEMPLATES", "300"))
SECONDS = 0.1
BYTES = 64 * 1024 * 1024


@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(TEMPLATES, JSON, JSON)
def test_no_template_escapes_hangs_or_grows(source: str, x: Any, y: Any) -> None:
    context = {**LARGE, "x": x, "y": y}
    before = _most_memory()
    took = min(_took(source, context) for _ in range(3))  # what the machine does besides is not the template's
    assert took <= SECONDS, f"{took:.3f} s of processor time: {source!r}"
    assert _most_memory() - before <= BYTES, source


def _took(source: str, context: dict[str, Any]) -> float:
    begun = thread_time()
    result = outcome(source, context)
    took = thread_time() - begun
    assert_plain(result)
    return took


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

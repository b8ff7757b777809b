"""Rule tests: events on a virtual clock through the engine itself, and the firings compared (rules.md 8)."""

from automations.ruletests.compare import Difference, compare
from automations.ruletests.report import describe, junit
from automations.ruletests.run import Fired, Outcome, RunCheck, run_test

__all__ = ["Difference", "Fired", "Outcome", "RunCheck", "compare", "describe", "junit", "run_test"]

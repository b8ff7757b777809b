"""The engine: match, evaluate, plan. Pure: no clock, no asyncio, no input or output, no logging."""

from automations.engine.evaluate import Evaluation, cell_key, evaluate
from automations.engine.index import Index, Match, compile_rules
from automations.engine.plan import plan
from automations.engine.program import Program

__all__ = ["Evaluation", "Index", "Match", "Program", "cell_key", "compile_rules", "evaluate", "plan"]
